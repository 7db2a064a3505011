"""A Redis-compatible cache: one user an application, limited to its own key prefix."""
