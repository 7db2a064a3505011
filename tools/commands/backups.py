"""`dump` and `restore`: an application's database to a file, and back."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console

from branching.connection import Server, connect
from branching.connection import environment as libpq_environment
from components import names
from stacks.checks import database_of, role_of
from stacks.settings import App, EmbeddedServer, EnvironmentSettings
from tools import paths, servers, settings_file
from tools.ages import size
from tools.commands import environment
from tools.embedded.binaries import Binaries, postgres_binaries
from tools.errors import ToolError

console = Console(stderr=True, highlight=False)


def dump(application: str, to: Path | None, env: str) -> None:
    """Write a backup in pg_dump's custom format, mode 0600. Raises ToolError, SettingsError."""
    app, server, binaries = _target(application, env)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    file = to or paths.private_dir(paths.home() / "backups") / f"{env}-{application}-{moment}.dump"
    partial = file.with_name(f".{file.name}.partial")
    partial.touch(mode=0o600)
    command = [str(binaries.pg_dump), "--format=custom", f"--file={partial}"]
    _run(command, server, database_of(application, app))
    partial.replace(file)
    console.print(f"[green]✓[/] {file} ({size(file.stat().st_size)})")


def restore(application: str, file: Path, env: str, *, confirmed: bool) -> None:
    """Put a backup back in place of what the database holds, in one transaction: all of it, or nothing changes."""
    if not file.is_file():
        raise ToolError(f"FROM is {file}, which is no file", "make restore APP=… FROM=<a file that make dump wrote>")
    app, server, binaries = _target(application, env)
    database = database_of(application, app)
    if not confirmed:
        typer.confirm(f"Replace all that {database} holds by {file.name}?", abort=True, err=True)
    owner = names.roles(role_of(application, app)).owner
    _end_sessions(server, database)
    command = [
        str(binaries.pg_restore), "--single-transaction", "--clean", "--if-exists", "--exit-on-error",
        f"--dbname={database}", str(file),
    ]  # fmt: skip
    _run(command, server, database)
    console.print(f"[green]✓[/] {database}, owned by {owner}, is as it was in {file.name}")


def _target(application: str, env: str) -> tuple[App, Server, Binaries]:
    settings = settings_file.environment(env)
    if application not in settings.apps:
        raise ToolError(f"APP is “{application}”; applications of {env}: {', '.join(settings.apps)}", "make dump APP=…")
    engine = environment.ready_engine()
    servers.prepare(settings, engine, env)
    server = servers.administrator(settings, engine, env)
    return settings.apps[application], server, postgres_binaries(_major(settings))


def _major(settings: EnvironmentSettings) -> int:
    # A newer pg_dump reads an older server; the other way it refuses.
    return settings.server.version if isinstance(settings.server, EmbeddedServer) else 18


def _end_sessions(server: Server, database: str) -> None:
    with connect(server) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            (database,),
        )


def _run(command: list[str], server: Server, database: str) -> None:
    done = subprocess.run(
        command, env=libpq_environment(server, database), capture_output=True, text=True, check=False,
        umask=0o077, cwd=os.sep,
    )  # fmt: skip
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ToolError(f"{Path(command[0]).name} failed: {last[0]}", "nothing was changed")
