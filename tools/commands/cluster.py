"""`cluster` and `cluster-down`: a throw-away Kubernetes on this machine."""

from __future__ import annotations

import shlex
import sys

from rich.console import Console
from rich.table import Table

from tools import cluster
from tools.cluster import kubectl, layout, node, versions
from tools.cluster.extras.table import chosen
from tools.cluster.up import down as end

console = Console(stderr=True, highlight=False)


def up(extras: str) -> None:
    """Bring it up and say what there is; the line for a shell goes to stdout. Raises ToolError."""
    kubeconfig = cluster.ensure(extras)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("Kubernetes", f"{versions.KUBERNETES}, one node ({_pods()} pods)")
    table.add_row("CloudNativePG", f"{versions.CNPG}, PostgreSQL {versions.POSTGRES_MAJOR}")
    for extra in chosen(extras):
        table.add_row(extra.title, extra.use)
    table.add_row("images", "\n".join(sorted(cluster.images())))
    table.add_row("kubectl", str(layout.binaries() / "kubectl"))
    table.add_row("kubeconfig", str(kubeconfig))
    table.add_row("logs", str(node.log_folder()))
    console.print(table, soft_wrap=True)
    sys.stdout.write(f"export KUBECONFIG={shlex.quote(str(kubeconfig))}\n")


def down(*, keep: bool) -> None:
    """Stop it; unless `keep`, its data go as well. Raises ToolError."""
    there = end(keep=keep)
    console.print(
        "Nothing was running." if not there else "Stopped; its data stay." if keep else "Stopped, and its data removed."
    )


def _pods() -> int:
    return len(kubectl.of_the_cluster().run("get", "pods", "--all-namespaces", "--output=name").split())
