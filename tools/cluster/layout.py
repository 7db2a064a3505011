"""Where the cluster's files lie: everything below one folder of the cache, shared by every checkout."""

from __future__ import annotations

from pathlib import Path

from tools import paths


def root() -> Path:
    """The folder of all of it."""
    return paths.cache() / "cluster"


def binaries() -> Path:
    """The programs: the node's, and those that images are made of."""
    return root() / "bin"


def images() -> Path:
    """Archives of images; each that lies here is imported."""
    return root() / "images"


def layers() -> Path:
    """Parts of images that take long to make: root filesystems, Python packages."""
    return root() / "layers"


def logs() -> Path:
    """What apt, pip and mmdebstrap said while building."""
    return root() / "logs"


def state() -> Path:
    """What a running cluster has made: keys, its database, volumes, logs. `cluster-down` removes it."""
    return root() / "state"


def kubeconfig() -> Path:
    """The administrator's."""
    return state() / "admin.kubeconfig"


def lock() -> Path:
    """Held by whoever builds, starts or stops."""
    return root() / "lock"
