"""Keeps tests, which delete what they find, away from a cluster that somebody needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tools.cluster.kubectl import Kubectl
from tools.errors import ToolError
from tools.kubernetes import kubectl

LABEL = "socle.dev/throw-away"
"""On the namespace kube-system: every cluster has that, and nobody makes it anew."""
COMMAND = f"kubectl label namespace kube-system {LABEL}=true"


def require_throw_away(kubeconfig: Path, read_labels: Callable[[Path], dict[str, str]] | None = None) -> None:
    """Raise ToolError unless the cluster of `kubeconfig` is labelled as one that may be thrown away.

    A cluster that doesn't answer is refused as well.
    """
    if not kubeconfig.is_file():
        raise ToolError(
            f"There is no kubeconfig {kubeconfig}.", "export KUBECONFIG=/path/to/kubeconfig, or make cluster"
        )
    labels = (read_labels or labels_of)(kubeconfig)
    if labels.get(LABEL) != "true":
        raise ToolError(
            f"The cluster of {kubeconfig} is not labelled {LABEL}=true, so nothing is done in it: tests make "
            "and delete namespaces, databases and operators' objects.",
            f"if it may be thrown away: KUBECONFIG={kubeconfig} {COMMAND}",
        )


def labels_of(kubeconfig: Path) -> dict[str, str]:
    """The labels of its namespace kube-system. Raises ToolError when the cluster can't be asked."""
    answer = Kubectl(kubeconfig=kubeconfig, program=kubectl.find()).run(
        "get", "namespace", "kube-system", "--output=json", "--request-timeout=10s"
    )
    return dict(json.loads(answer)["metadata"].get("labels") or {})
