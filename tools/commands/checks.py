"""`verify` and `check-migration`: what a pull request's copy has become, and what its migrations do to get there."""

from __future__ import annotations

import os
from dataclasses import dataclass

from dotenv import dotenv_values
from rich.console import Console

from branching import cli_output, migration_check, schema_diff
from branching.connection import Server
from branching.errors import BranchingError
from components import names
from stacks.checks import database_of
from stacks.settings import EmbeddedServer
from tools import paths, servers, settings_file
from tools.commands import environment
from tools.commands.pull_request import parse_number
from tools.embedded.binaries import postgres_binaries
from tools.errors import ToolError

console = Console(highlight=False)


@dataclass(frozen=True, kw_only=True)
class _Copy:
    """A pull request's copy of one application's database."""

    stack: str
    application: str
    branch: str
    base: str
    """The live database."""
    admin: Server
    pg_dump: str


def verify(number: str, application: str) -> None:
    """Print the difference to the base. Raises ToolError, SettingsError."""
    copy = _copy(number, application)
    try:
        found = schema_diff.of(copy.admin, copy.base, copy.branch, copy.pg_dump)
    except BranchingError as error:
        raise ToolError(error.message, error.remedy) from None
    for line in cli_output.diff_lines(found):
        console.print(line)


def migration(number: str, application: str, command: str, threshold: float) -> int:
    """Run the command with the copy's own variables and print the report; 1 where it failed. Raises as `verify`."""
    if not command:
        raise ToolError("CMD says what migrates the copy", "make check-migration PR=123 CMD='alembic upgrade head'")
    copy = _copy(number, application)
    file = paths.home() / "env" / copy.stack / f"{copy.application}.env"
    own = {name: value for name, value in dotenv_values(file).items() if value is not None}
    try:
        report = migration_check.check(copy.admin, copy.branch, ["sh", "-c", command], os.environ | own, threshold)
    except BranchingError as error:
        raise ToolError(error.message, error.remedy) from None
    for line in cli_output.migration_lines(report):
        console.print(line)
    return 0 if report.passed else 1


def _copy(number: str, application: str) -> _Copy:
    stack = names.pull_request_stack(parse_number(number))
    there = settings_file.pull_request(stack)
    if there is None:
        raise ToolError(f"There is no {stack}", f"make pr PR={number}")
    wanted = there.pull_request
    if application and application not in wanted.apps:
        raise ToolError(
            f"{stack} has no copy of {application}; it has {', '.join(wanted.apps)}", f"APP={wanted.apps[0]}"
        )
    name = application or wanted.apps[0]
    settings = settings_file.environment(wanted.base)
    engine = environment.ready_engine()
    servers.prepare(settings, engine, wanted.base)
    major = settings.server.version if isinstance(settings.server, EmbeddedServer) else 18
    return _Copy(
        stack=stack,
        application=name,
        branch=wanted.branch(name),
        base=database_of(name, settings.apps[name]),
        admin=servers.administrator(settings, engine, wanted.base),
        pg_dump=str(postgres_binaries(major).pg_dump),
    )
