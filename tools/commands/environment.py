"""`up`, `down`, `destroy` and `env`: the life of an environment on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import psycopg
import typer
from rich.console import Console

from branching import tombstones
from branching.connection import Server, connect
from branching.retire import retire
from components import names
from stacks.checks import database_of
from stacks.cluster import require_cluster
from stacks.settings import EnvironmentSettings
from tools import backend, paths, recovery, servers, settings_file, toolchain
from tools.embedded import supervisor
from tools.engine import PROJECT, Engine
from tools.errors import ToolError

console = Console(stderr=True, highlight=False)

PLUGINS: Mapping[str, Sequence[str]] = {"local": toolchain.LOCAL, "kubernetes": toolchain.KUBERNETES}
"""By the kind of environment, as far as they are built."""


def up(env: str) -> None:
    """Bring the environment up: toolchain, servers, stack; then say what there is. Raises ToolError, SettingsError."""
    settings = settings_file.environment(env)
    kind = settings.environment.kind
    if kind not in PLUGINS:
        raise ToolError(
            f"socle:environment.kind: {kind} is not built yet; the settings of {env} are valid, and nothing was created"
        )
    if kind == "kubernetes":
        require_cluster(settings, env)
    engine = ready_engine(PLUGINS[kind])
    if kind == "local":
        servers.prepare(settings, engine, env)
    settle_and_up(engine, env, settings)
    from tools.commands import status  # it imports this module

    status.show_environment(env, settings, engine)


def ready_engine(plugins: Sequence[str] = toolchain.LOCAL) -> Engine:
    """The engine with everything that a stack's commands need, built first where it isn't there."""
    ready = toolchain.ensure(plugins)
    if "postgresql" in ready.standins:
        console.print("[dim]postgresql: Socle's stand-in for the plugin is used (docs/offline.md).[/]", soft_wrap=True)
    return Engine(ready)


def settle_and_up(engine: Engine, stack: str, settings: EnvironmentSettings | None = None) -> None:
    """`pulumi up`, after mending what an interrupted run left behind; `settings` are an environment's."""
    engine.init(stack)
    flags = ["--refresh"] if recovery.settle(engine, PROJECT, stack, settings) else []
    engine.up(stack, *flags)


def down() -> None:
    """Stop every server of this checkout."""
    stopped = supervisor.stop_all(paths.home())
    console.print("Stopped; the data stay. `make up` starts again." if stopped else "Nothing was running.")


def destroy(env: str, *, confirmed: bool) -> None:
    """Remove the environment with its data, and the pull requests that copy from it."""
    settings = settings_file.environment(env)
    if not confirmed:
        typer.confirm(f"Remove {env} with all its data and pull requests?", abort=True, err=True)
    if settings.environment.kind == "kubernetes":
        _destroy_on_kubernetes(env, settings)
        return
    engine = ready_engine()
    stacks = engine.stacks()
    pulls = [stack for stack in stacks if names.pull_request_number(stack) and _base(stack) == env]
    if stacks:
        servers.prepare(settings, engine, env)
    for stack in pulls:
        remove_stack(engine, stack)
    if env in stacks:
        # Snapshots belong to the brancher, which can't go before them.
        administrator = servers.administrator(settings, engine, env)
        for name, app in settings.apps.items():
            retire(administrator, database_of(name, app))
        _forget_closed(servers.brancher(settings, engine, env))
        remove_stack(engine, env)
    supervisor.destroy_all(paths.home())
    console.print(f"{env} is gone." + (f" With it: {', '.join(pulls)}." if pulls else ""))


def _destroy_on_kubernetes(env: str, settings: EnvironmentSettings) -> None:
    require_cluster(settings, env)
    engine = ready_engine(toolchain.KUBERNETES)
    if env not in engine.stacks():
        console.print(f"{env} was never brought up from here.")
        return
    recovery.settle(engine, PROJECT, env)
    engine.destroy_unprotected(env)
    resources = engine.deployment(env)["deployment"].get("resources") or []
    kept = sorted(one["urn"].rpartition("::")[2] for one in resources if one.get("protect"))
    if kept:
        console.print(
            f"{env}: what is protected stays, with its data: {', '.join(kept)}. To remove that as well write "
            "socle:server.protect: false, make up, and make destroy again.",
            soft_wrap=True,
        )
        return
    remove_stack(engine, env)
    console.print(f"{env} is gone.")


def _forget_closed(brancher: Server) -> None:
    """Remove the tombstones of closed pull requests, as who made them: on a server that stays nobody else would."""
    # Where the brancher is gone, by a destroy that was interrupted, its tombstones went before it.
    with suppress(psycopg.OperationalError), connect(brancher) as connection:
        for number in tombstones.all_of(connection):
            tombstones.reopen(connection, number)


def remove_stack(engine: Engine, stack: str) -> None:
    """Destroy the stack, and remove what the engine keeps of it."""
    recovery.settle(engine, PROJECT, stack)
    engine.destroy(stack)
    settings = settings_file.stack_file(stack)
    if settings.parent != paths.ROOT:
        settings.unlink(missing_ok=True)
    backend.forget(PROJECT, stack)


def print_variables() -> None:
    """Print the environment variables as a shell reads them; everything else goes to stderr."""
    print(toolchain.environment.exports(ready_engine().toolchain.variables), end="")


def _base(stack: str) -> str:
    settings = settings_file.pull_request(stack)
    return settings.pull_request.base if settings else ""
