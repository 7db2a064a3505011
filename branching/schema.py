"""Carries the source's definitions to the snapshot with PostgreSQL's own pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from branching import listing
from branching.connection import BULK, Server, environment
from branching.errors import BuildFailedError, ServerRefusedError

_SECRETIVE = ("DETAIL:", "CONTEXT:", "Command was:", "STATEMENT:")
"""Starts of the lines of a message that can hold a row's values."""


@dataclass(frozen=True, kw_only=True)
class Programs:
    """pg_dump and pg_restore, at least as new as the server."""

    pg_dump: str
    pg_restore: str


@dataclass(frozen=True, kw_only=True)
class Dump:
    """The source's definitions in a file, and what of them a snapshot takes over."""

    programs: Programs
    archive: Path
    use_list: Path
    indexes: Path
    """Of the list, what several sessions can make at once."""
    rest: Path
    """Of the list, what comes after."""
    dropped: tuple[str, ...]


def find_programs(pg_dump: str = "") -> Programs:
    """The programs: at `pg_dump`, else where SOCLE_PG_DUMP or SOCLE_PG_BIN say, else on PATH; pg_restore beside it.

    Raises:
        ServerRefusedError: neither is found.
    """
    directory = os.environ.get("SOCLE_PG_BIN")
    wanted = (
        pg_dump or os.environ.get("SOCLE_PG_DUMP") or (str(Path(directory) / "pg_dump") if directory else "pg_dump")
    )
    found = shutil.which(wanted)
    restore = shutil.which(str(Path(found).with_name("pg_restore"))) if found else None
    if found is None or restore is None:
        raise ServerRefusedError(
            f"{wanted} with pg_restore beside it was not found",
            "install PostgreSQL's clients, or set SOCLE_PG_BIN to the directory that has them",
        )
    return Programs(pg_dump=found, pg_restore=restore)


def dump(
    server: Server,
    programs: Programs,
    *,
    database: str,
    exported: str,
    role: str,
    foreign_tables: Sequence[tuple[str, str]],
    existing_schemas: Collection[str],
    excluded_schemas: Collection[str] = (),
    comments: bool = False,
    folder: Path,
    lock_wait_seconds: int,
) -> Dump:
    """Write the definitions of `database`, as the exported snapshot sees them, below `folder`.

    Raises:
        BuildFailedError: pg_dump or pg_restore failed.
    """
    archive, use_list = folder / "schema.dump", folder / "schema.list"
    indexes, rest = folder / "indexes.list", folder / "rest.list"
    options = [
        "--format=custom",
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        "--no-publications",
        "--no-subscriptions",
        "--no-security-labels",
        "--no-tablespaces",
        f"--snapshot={exported}",
        f"--lock-wait-timeout={lock_wait_seconds}s",
        f"--file={archive}",
    ]
    options += [f"--role={role}"] if role else []
    options += [] if comments else ["--no-comments"]
    options += [f"--exclude-table={_pattern(schema)}.{_pattern(name)}" for schema, name in foreign_tables]
    options += [f"--exclude-schema={_pattern(schema)}" for schema in excluded_schemas]
    _run([programs.pg_dump, "--no-password", *options], server, database)
    contents = _run([programs.pg_restore, "--list", str(archive)], server, database)
    selection = listing.select(contents, existing_schemas)
    use_list.write_text(selection.text, encoding="utf-8")
    for file, text_of_it in zip((indexes, rest), listing.split_indexes(selection.text), strict=True):
        file.write_text(text_of_it, encoding="utf-8")
    return Dump(programs=programs, archive=archive, use_list=use_list, indexes=indexes, rest=rest,
                dropped=selection.dropped)  # fmt: skip


def text(server: Server, programs: Programs, database: str) -> str:
    """The definitions of `database` as SQL, without owners and privileges.

    Raises:
        BuildFailedError: pg_dump failed.
    """
    options = ["--schema-only", "--no-owner", "--no-privileges", "--no-security-labels", "--no-tablespaces"]
    return _run([programs.pg_dump, "--no-password", *options], server, database)


def restore(dump: Dump, server: Server, *, database: str, role: str) -> None:
    """Make what must be there before the rows, owned by `role`: all of it or nothing.

    Raises:
        BuildFailedError: an object can't be made, named with the server's reason.
    """
    _restore(dump, server, database, role, section="pre-data", use_list=dump.use_list, jobs=1)


def finish(dump: Dump, server: Server, *, database: str, role: str, jobs: int) -> None:
    """Make what comes after the rows: indexes and keys by `jobs` sessions at once, then the rest.

    Raises:
        BuildFailedError: an object can't be made, named with the server's reason.
    """
    _restore(dump, server, database, role, section="post-data", use_list=dump.indexes, jobs=jobs)
    _restore(dump, server, database, role, section="post-data", use_list=dump.rest, jobs=1)


def _restore(dump: Dump, server: Server, database: str, role: str, *, section: str, use_list: Path, jobs: int) -> None:
    options = [
        f"--section={section}",
        f"--use-list={use_list}",
        f"--role={role}",
        f"--dbname={database}",
        "--no-password",
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
        "--single-transaction" if jobs == 1 else f"--jobs={jobs}",
    ]
    _run([dump.programs.pg_restore, *options, str(dump.archive)], server, database, BULK)


def _pattern(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _run(command: Sequence[str], server: Server, database: str, settings: Mapping[str, str] | None = None) -> str:
    variables = environment(server, database, settings)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildFailedError(f"{Path(command[0]).name} failed on {database}: {readable(done.stderr)}")
    return done.stdout


def readable(message: str) -> str:
    """A program's error message without the lines that can hold values. Pure."""
    lines = []
    secret = False
    for line in message.splitlines():
        text = line.strip().removeprefix("pg_restore: ").removeprefix("pg_dump: ")
        if text.startswith(_SECRETIVE):
            secret = True
        elif line.startswith(("pg_restore:", "pg_dump:")):
            secret = False
        if not secret and text:
            lines.append(text)
    return "; ".join(lines)
