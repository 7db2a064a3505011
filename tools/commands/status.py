"""`status`: what there is, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import OperationalError
from rich.console import Console
from rich.table import Table

from branching import inventory
from branching.connection import connect
from components import names
from stacks.checks import database_of
from stacks.settings import EnvironmentSettings
from tools import paths, servers, settings_file
from tools.ages import size, span
from tools.commands import environment
from tools.embedded import supervisor
from tools.engine import Engine
from tools.errors import ToolError

console = Console()


@dataclass(frozen=True, kw_only=True)
class Databases:
    """What the server of an environment says."""

    sizes: Mapping[str, int]
    branching: inventory.Inventory


def show() -> None:
    """Servers, environments with their applications, pull requests."""
    engine = environment.ready_engine()
    stacks = engine.stacks()
    _servers()
    found = [stack for stack in settings_file.known() if stack in stacks]
    if not found:
        console.print("No environment was brought up yet: make up")
    for env in found:
        show_environment(env, settings_file.environment(env), engine)


def show_environment(env: str, settings: EnvironmentSettings, engine: Engine) -> None:
    """The environment's applications and pull requests. Says so where its server doesn't answer."""
    if settings.environment.kind == "kubernetes":
        from tools.commands import cluster_status

        cluster_status.show(env, settings, engine)
        return
    try:
        databases = _ask(settings, engine, env)
    except (OperationalError, ToolError) as error:
        console.print(f"{env}: its server doesn't answer ({str(error).splitlines()[0]}): make up")
        return
    console.print(_applications(env, settings, databases))
    if databases.branching.branches:
        console.print(_branches(env, databases))


def _ask(settings: EnvironmentSettings, engine: Engine, env: str) -> Databases:
    with connect(servers.administrator(settings, engine, env)) as admin:
        rows = admin.execute(
            "SELECT datname::text, pg_database_size(oid) FROM pg_database"
            " WHERE datallowconn AND has_database_privilege(oid, 'CONNECT')"
        ).fetchall()
        return Databases(sizes={str(name): int(str(count)) for name, count in rows}, branching=inventory.survey(admin))


def _servers() -> None:
    table = Table(title="Servers on this machine", title_justify="left")
    for column in ("server", "state", "port", "version"):
        table.add_column(column)
    for server in supervisor.status_all(paths.home()):
        state = "[green]running[/]" if server.running else "stopped"
        table.add_row(server.name, state, str(server.port), server.version)
    if table.row_count:
        console.print(table)


def _applications(env: str, settings: EnvironmentSettings, databases: Databases) -> Table:
    table = Table(title=f"Environment {env}", title_justify="left", caption=files_of(env), caption_justify="left")
    for column in ("application", "database", "size", "newest snapshot", "its age"):
        table.add_column(column)
    for name, app in settings.apps.items():
        database = database_of(name, app)
        newest = next(reversed(databases.branching.published(database)), None)
        table.add_row(
            name,
            database,
            size(databases.sizes.get(database)),
            f"v{newest.version}" if newest else "–",
            _age(inventory.seconds_since(newest.taken_at) if newest else None),
        )
    return table


def _branches(env: str, databases: Databases) -> Table:
    table = Table(
        title=f"Pull requests that copy from {env}",
        title_justify="left",
        caption=files_of("pr-<n>"),
        caption_justify="left",
    )
    for column in ("pull request", "application", "database", "size", "snapshot", "age"):
        table.add_column(column)
    for branch in databases.branching.branches:
        about, stack = branch.metadata, names.pull_request_stack(branch.pull_request)
        table.add_row(
            stack,
            about.application if about else "–",
            branch.name,
            size(branch.bytes),
            f"v{about.snapshot_version}" if about else "[yellow]half made[/]",
            _age(branch.age_seconds),
        )
    return table


def _age(seconds: float | None) -> str:
    return "–" if seconds is None else span(seconds)


def files_of(stack: str) -> str:
    """Where the environment files of a stack lie, for people."""
    folder = paths.home() / "env" / stack
    shown = folder.relative_to(paths.ROOT) if folder.is_relative_to(paths.ROOT) else folder
    return f"environment files: {shown}/<application>.env"
