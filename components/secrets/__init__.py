"""Where credentials come from, and where they go."""
