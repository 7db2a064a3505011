"""Images without a builder and without a registry: written from root filesystems, packages and files."""
