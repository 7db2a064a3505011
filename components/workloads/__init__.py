"""The application itself in a Kubernetes cluster: its migrations, then its pods, and how they are reached."""
