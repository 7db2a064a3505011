"""Snapshots and branches by hand: `python -m branching --help` lists the commands.

The server comes from libpq's variables (PGHOST, PGPORT, PGUSER, PGSSLMODE, PGSSLROOTCERT) or options; a password comes
from PGPASSWORD or a PGPASSFILE only, and a branch's from SOCLE_BRANCH_PASSWORD: an option would be in the process list.
Where SOCLE_REPORT names a file, what was made is written there as JSON, in short.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from enum import Enum
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console

from branching import activity, lease, migration_check, names, pool, schema_diff, snapshot, sweep, tombstones
from branching import branch as branches
from branching import cli_output as output
from branching.connection import Server, connect
from branching.errors import BranchingError, SweepRefusedError
from branching.inventory import survey
from branching.masking import explain
from branching.metadata import Content
from branching.migration_check import THRESHOLD_SECONDS
from branching.pull_requests import FromFile, FromGitHub
from branching.quota import Quota
from branching.stream import Pace
from branching.sweep_plan import Bounds

DAY_SECONDS = 86_400
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console()
errors = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
Application = Annotated[str, typer.Option("--app", help="The application, as Pulumi.<stack>.yaml names it.")]
Database = Annotated[str, typer.Option(help="Its live database; the application's name with _ for - where left out.")]


@app.callback()
def connection(
    context: typer.Context,
    host: Annotated[str, typer.Option(envvar="PGHOST", help="A name, or a Unix socket's directory.")] = "localhost",
    port: Annotated[int, typer.Option(envvar="PGPORT")] = 5432,
    user: Annotated[
        str, typer.Option(envvar="PGUSER", help="An administrator for snapshot, else the brancher.")
    ] = "postgres",
    sslmode: Annotated[str, typer.Option(envvar="PGSSLMODE")] = "verify-full",
    sslrootcert: Annotated[str, typer.Option(envvar="PGSSLROOTCERT")] = "",
    maintenance_db: Annotated[str, typer.Option(envvar="SOCLE_MAINTENANCE_DB")] = "postgres",
    dump_host: Annotated[
        str, typer.Option(envvar="SOCLE_DUMP_HOST", help="Where a pg_dump without TLS connects.")
    ] = "",
) -> None:
    """Snapshots of live databases, and branches of them for pull requests."""
    context.obj = Server(
        host=host,
        port=port,
        user=user,
        password=os.environ.get("PGPASSWORD", ""),
        sslmode=sslmode,
        sslrootcert=sslrootcert,
        maintenance_db=maintenance_db,
        dump_host=dump_host,
    )


@app.command(name="snapshot")
def snapshot_command(
    context: typer.Context,
    application: Application,
    rules: Annotated[Path, typer.Option(help="The masking rules; masking/<app>.yaml where left out.")] = Path(),
    database: Database = "",
    owner: Annotated[str, typer.Option(help="A role to read as.")] = "",
    brancher: Annotated[str, typer.Option(help="The role that makes branches.")] = snapshot.BRANCHER,
    replica: Annotated[str, typer.Option(help="A standby's host, to read the rows from.")] = "",
    content: Annotated[Content, typer.Option(help="What of the rows it has.")] = Content.MASKED,
    sessions: Annotated[int, typer.Option(min=1, max=32, help="How many read and write at once.")] = 2,
    mb_per_second: Annotated[int, typer.Option(min=0, help="Rows read, at most; 0 is no limit.")] = 0,
    tablespace: Annotated[
        str, typer.Option(help="Where it and its branches lie; left out, where the server's data do.")
    ] = "",
    max_age_hours: Annotated[
        float, typer.Option(min=0, help="For schedules: nothing is made while the newest one's data is no older.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Make the next version of an application's snapshot. Masks that need a salt take SOCLE_MASKING_SALT."""
    if max_age_hours:
        with _messages(as_json), connect(context.obj) as session:
            found = survey(session, sizes=False)
        young = found.young(database or _database_of(application), max_age_hours * 3600, content)
        if young is not None:
            line = f"v{young.version} has data of {young.taken_at}, which is young enough: nothing was made"
            _print(asdict(young), as_json, lambda: [line])
            _report(version=young.version, taken_at=young.taken_at, made=False)
            return
    request = snapshot.SnapshotRequest(
        server=context.obj,
        application=application,
        database=database or _database_of(application),
        rules_file=_rules_file(application, rules),
        owner=owner,
        brancher=brancher,
        salt=os.environ.get("SOCLE_MASKING_SALT", ""),
        replica=replace(context.obj, host=replica, dump_host="") if replica else None,
        content=content,
        tablespace=tablespace,
        pace=Pace(sessions=sessions, bytes_per_second=mb_per_second * 1024 * 1024 or None),
    )
    with _messages(as_json), output.progress(errors, quiet=as_json) as progress:
        report = snapshot.build(request, progress)
    _print(asdict(report), as_json, lambda: output.snapshot_lines(report))
    about = report.metadata
    _report(version=about.version, taken_at=about.taken_at, made=True, rows=about.rows, bytes=about.bytes,
            seconds=about.seconds)  # fmt: skip


@app.command(name="explain")
def explain_command(
    context: typer.Context,
    application: Application,
    rules: Annotated[
        Path, typer.Option(help="The masking rules there are; masking/<app>.yaml where left out.")
    ] = Path(),
    database: Database = "",
    owner: Annotated[str, typer.Option(help="A role to read as.")] = "",
    as_json: Json = False,
) -> None:
    """Print a rules file that classifies every column, by names, types and counts of a sample; no value is shown."""
    with _messages(as_json):
        found = explain.explain(
            context.obj, database or _database_of(application), _rules_file(application, rules), owner
        )
    if as_json:
        _print(asdict(found), as_json, list)
    else:
        sys.stdout.write(found.text)


@app.command(name="branch")
def branch_command(
    context: typer.Context,
    pull_request: Annotated[int, typer.Option("--pr", help="The pull request's number.")],
    application: Application,
    name: Annotated[str, typer.Option(help="The branch's name; pr_<n> where left out.")] = "",
    database: Database = "",
    version: Annotated[int, typer.Option(help="The snapshot's version; 0 is the newest.")] = 0,
    content: Annotated[Content, typer.Option(help="Of which kind of snapshot.")] = Content.MASKED,
    reset: Annotated[bool, typer.Option("--reset", help="Make it afresh; what is in it is lost.")] = False,
    days: Annotated[float, typer.Option(min=0, help="How long it lives after the last push; 0 is for ever.")] = 0,
    idle_days: Annotated[float, typer.Option(min=0, help="How long it lives unused; 0 is for ever.")] = 0,
    most_of_application: Annotated[int, typer.Option(min=0, help="Branches of the application; 0 is any number.")] = 0,
    most: Annotated[int, typer.Option(min=0, help="Branches on the server; 0 is any number.")] = 0,
    connections: Annotated[int, typer.Option(min=1, help="Open at once.")] = branches.Limits().connections,
    statement_timeout: Annotated[str, typer.Option(help="As PostgreSQL has it.")] = branches.Limits().statement_timeout,
    idle_in_transaction_timeout: Annotated[
        str, typer.Option(help="As PostgreSQL has it.")
    ] = branches.Limits().idle_in_transaction_session_timeout,
    as_json: Json = False,
) -> None:
    """Make a pull request's branch, or keep the one that is there. The role's password is SOCLE_BRANCH_PASSWORD."""
    with _messages(as_json):
        request = branches.BranchRequest(
            name=name or names.branch_name(pull_request),
            application=application,
            database=database or _database_of(application),
            pull_request=pull_request,
            password=os.environ.get("SOCLE_BRANCH_PASSWORD") or None,
            snapshot_version=version or None,
            content=content,
            ttl_seconds=int(days * DAY_SECONDS) or None,
            idle_seconds=int(idle_days * DAY_SECONDS) or None,
            quota=Quota(per_application=most_of_application or None, total=most or None),
            limits=branches.Limits(
                connections=connections,
                statement_timeout=statement_timeout,
                idle_in_transaction_session_timeout=idle_in_transaction_timeout,
            ),
        )
        info = (branches.reset if reset else branches.create)(context.obj, request)
    _print(asdict(info), as_json, lambda: output.branch_lines(info))
    about = info.metadata
    _report(database=about.database, snapshot_version=about.snapshot_version, taken_at=about.snapshot_taken_at)


@app.command(name="warm")
def warm_command(
    context: typer.Context,
    application: Application,
    size: Annotated[int, typer.Option(min=0, help="How many to have ready.")],
    database: Database = "",
    as_json: Json = False,
) -> None:
    """Have copies of the newest snapshot ready, to become branches at once."""
    with _messages(as_json):
        report = pool.fill(context.obj, database or _database_of(application), size)
    lines = [*(f"{name}: ready" for name in report.made), *(f"{name}: dropped" for name in report.dropped)]
    _print(asdict(report), as_json, lambda: lines or ["nothing to do"])


@app.command(name="drop")
def drop_command(
    context: typer.Context,
    names_to_drop: Annotated[list[str], typer.Argument(metavar="NAME...", help="Branches, such as pr_123.")],
    as_json: Json = False,
) -> None:
    """Drop branches with their roles, whoever is connected; one that isn't there is no error."""
    with _messages(as_json):
        report = branches.drop(context.obj, names_to_drop)
    _print(asdict(report), as_json, lambda: output.drop_lines(report))


@app.command(name="list")
def list_command(context: typer.Context, as_json: Json = False) -> None:
    """List snapshots and branches: sizes, ages, when branches were last used and when they end."""
    with _messages(as_json), connect(context.obj) as session:
        found, uses = survey(session), activity.uses(session)
    document = asdict(found) | {"uses": {name: asdict(use) for name, use in uses.items()}}
    _print(document, as_json, lambda: output.tables(found, uses))


@app.command(name="verify")
def verify_command(
    context: typer.Context,
    branch: Annotated[str, typer.Argument(help="A branch, such as pr_123.")],
    base: Annotated[str, typer.Option(help="The database to compare with.")],
    as_json: Json = False,
) -> None:
    """Show what a branch's definitions have that the base's haven't. Needs an administrator."""
    with _messages(as_json):
        found = schema_diff.of(context.obj, base, branch)
    document = {
        "added": [str(one) for one in found.added],
        "removed": [str(one) for one in found.removed],
        "changed": {str(one): text for one, text in found.changed.items()},
    }
    _print(document, as_json, lambda: output.diff_lines(found))


@app.command(name="check-migration")
def check_migration_command(
    context: typer.Context,
    branch: Annotated[str, typer.Argument(help="A branch, such as pr_123.")],
    command: Annotated[list[str], typer.Argument(help="What migrates it, after --.")],
    threshold: Annotated[float, typer.Option(help="Seconds that ACCESS EXCLUSIVE may be held.")] = THRESHOLD_SECONDS,
    as_json: Json = False,
) -> None:
    """Run migrations on a branch and report what they lock and rewrite. Needs an administrator."""
    variables = {name: value for name, value in os.environ.items() if name != "PGPASSWORD"}
    with _messages(as_json):
        report = migration_check.check(context.obj, branch, command, variables, threshold)
    _print(asdict(report) | {"passed": report.passed}, as_json, lambda: output.migration_lines(report))
    raise typer.Exit(0 if report.passed else 1)


@app.command(name="lease")
def lease_command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A branch or a snapshot.")],
    days: Annotated[float, typer.Option(min=0, help="From now on; 0 ends the lease.")],
    as_json: Json = False,
) -> None:
    """Keep a branch or a snapshot, whatever a sweep would say."""
    with _messages(as_json), connect(context.obj) as session:
        until = lease.hold(session, name, days)
    shown = f"{name}: kept until {until}" if until else f"{name}: no lease"
    _print({"name": name, "until": until}, as_json, lambda: [shown])


@app.command(name="reopen")
def reopen_command(context: typer.Context, pull_request: Annotated[int, typer.Argument(min=1)]) -> None:
    """Let a closed pull request have branches again."""
    with _messages(as_json=False), connect(context.obj) as session:
        tombstones.reopen(session, pull_request)


@app.command(name="sweep")
def sweep_command(
    context: typer.Context,
    open_file: Annotated[Path, typer.Option(help="A file with the open pull requests' numbers.")] = Path(),
    github: Annotated[str, typer.Option(help="owner/name; the token is GITHUB_TOKEN.")] = "",
    github_url: Annotated[str, typer.Option(envvar="GITHUB_API_URL")] = "https://api.github.com",
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this the plan is shown.")] = False,
    largest_share: Annotated[float, typer.Option(min=0, max=1, help="Of the branches that may go at once.")] = 0.5,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Believe that no pull request is open.")] = False,
    as_json: Json = False,
) -> None:
    """Remove what no open pull request needs: the plan, and with --apply the deed."""
    token = os.environ.get("GITHUB_TOKEN", "")
    bounds = Bounds(largest_share=largest_share, allow_empty=allow_empty)
    with _messages(as_json):
        if bool(github) == (open_file != Path()):
            raise SweepRefusedError("a sweep needs to know which pull requests are open", "--github or --open-file")
        forge = FromGitHub(repository=github, token=token, url=github_url) if github else FromFile(open_file)
        planned = sweep.look(context.obj, forge, bounds)
        report = sweep.apply(context.obj, planned, forge) if apply else None
    document = {"plan": asdict(planned), "report": asdict(report) if report else None}
    _print(document, as_json, lambda: output.sweep_lines(planned, report))


def main() -> None:
    """The entry point."""
    app(prog_name="python -m branching")


def _rules_file(application: str, given: Path) -> Path:
    return given if given != Path() else Path("masking") / f"{application}.yaml"


def _database_of(application: str) -> str:
    return application.replace("-", "_")


@contextmanager
def _messages(as_json: bool) -> Iterator[None]:
    """End with a message and status 1 where the user can mend it, instead of a traceback."""
    try:
        yield
    except (BranchingError, psycopg.OperationalError) as error:
        if as_json:
            sys.stdout.write(json.dumps({"error": str(error), "kind": type(error).__name__}) + "\n")
        else:
            errors.print(str(error).strip(), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _print(document: Mapping[str, object], as_json: bool, render: output.Render) -> None:
    if as_json:
        sys.stdout.write(json.dumps(document, default=_plain) + "\n")
        return
    for item in render():
        console.print(item, highlight=False)


def _report(**facts: object) -> None:
    """Write what a Job has to hand on. Kubernetes keeps 4096 bytes of it, so the whole report may be too long."""
    if report := os.environ.get("SOCLE_REPORT"):
        Path(report).write_text(json.dumps(facts), encoding="utf-8")


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else str(value)
