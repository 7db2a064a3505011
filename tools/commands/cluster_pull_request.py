"""`pr` and `pr-down` where the base environment is on Kubernetes."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from components import names
from stacks.cluster import require_cluster
from stacks.settings import EnvironmentSettings, PullRequest
from tools import settings_file, toolchain
from tools.ages import ago
from tools.commands import cluster_snapshots, environment
from tools.engine import Engine
from tools.errors import ToolError

console = Console(stderr=True, highlight=False)


def up(wanted: PullRequest, settings: EnvironmentSettings) -> None:
    """Bring the pull request's stack up; each application's first snapshot is made before. Raises ToolError."""
    stack = names.pull_request_stack(wanted.number)
    require_cluster(settings, wanted.base)
    engine = environment.ready_engine(toolchain.KUBERNETES)
    if wanted.base not in engine.stacks():
        raise ToolError(f"The environment {wanted.base} was never brought up", f"make up ENV={wanted.base}")
    cluster_snapshots.ensure(wanted.apps, wanted.base, settings, wanted.content)
    settings_file.write_pull_request(stack, wanted)
    environment.settle_and_up(engine, stack)
    _summary(engine, stack)


def down(stack: str, base: str) -> None:
    """Remove the pull request's stack with everything that it made."""
    require_cluster(settings_file.environment(base), base)
    engine = environment.ready_engine(toolchain.KUBERNETES)
    environment.remove_stack(engine, stack)
    console.print(f"{stack} is gone: databases, roles, namespaces, stack.")


def _summary(engine: Engine, stack: str) -> None:
    table = Table(title=stack, title_justify="left")
    for column in ("application", "namespace", "database", "snapshot", "its data are from"):
        table.add_column(column, overflow="fold")
    for application, branch in engine.outputs(stack)["branches"].items():
        taken = branch["taken"]
        table.add_row(
            application, branch["namespace"], branch["database"], branch["snapshot"], f"{taken[:16]}, {ago(taken)}"
        )
    Console().print(table)
