"""Builds a snapshot: a masked, versioned, closed template of an application's live database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from branching import disk, fill, inventory, names, pool, probe, publish, roles, schema, source, target
from branching.connection import Connection, Server, connect
from branching.errors import BuildFailedError, SaltMissingError
from branching.masking import rules, rules_file
from branching.metadata import Content, SnapshotMetadata
from branching.progress import Progress, ProgressCallback, ignore
from branching.relations import Catalog, Exclusions
from branching.settings import restorable
from branching.stream import Pace

BRANCHER = "socle_brancher"
"""The role that makes branches, unless a request names another."""
SHORTEST_SALT = 32
"""Characters; of hexadecimal digits, 128 bits."""


@dataclass(frozen=True, kw_only=True)
class SnapshotRequest:
    """What to make a snapshot of."""

    server: Server
    """With an administrator: a superuser, or a role with CREATEDB and CREATEROLE."""
    replica: Server | None = None
    """A standby to read the rows from; None reads where the snapshot is made."""
    application: str
    database: str
    """The live database. It is read in one read-only transaction and never named as a TEMPLATE."""
    rules_file: Path
    owner: str = ""
    """A role to read as (SET ROLE), for an administrator who may not read the rows; empty reads as it is."""
    login_role: str = ""
    """The application's login role, whose settings in the database a branch's role takes over; empty is the
    database's name."""
    brancher: str = BRANCHER
    salt: str = field(default="", repr=False)
    """The secret of masks such as `hash`: whoever has it can find out what a masked value was made from."""
    pg_dump: str = ""
    """The program; empty looks for it, see `schema.find_programs`."""
    keep: int = publish.KEEP
    """How many published versions stay in any case."""
    lock_wait_seconds: int = 60
    """How long to wait for a table that a migration of the source holds, before giving up."""
    pace: Pace = field(default_factory=Pace)
    tablespace: str = ""
    """Where the snapshot and with it its branches shall lie; empty is the server's own place."""
    probe: bool = True
    """Whether to measure how fast the server copies, where no snapshot on it remembers."""
    content: Content = Content.MASKED
    """What of the rows it has. Only a masked one asks for rules."""
    free_bytes: disk.FreeBytes | None = field(default=None, repr=False)
    """Asks for the free bytes of the server's disk; None looks itself where the server is on this machine."""


@dataclass(frozen=True, kw_only=True)
class SnapshotReport:
    """A published snapshot, and what else the build did."""

    name: str
    metadata: SnapshotMetadata
    rows: Mapping[str, int]
    """By `schema.table`."""
    empty: tuple[str, ...]
    """Tables that should have invented rows and have none, with the constraint that refused them."""
    unused: tuple[str, ...]
    """Rules for tables and columns that aren't there, one line each."""
    swept: tuple[str, ...]
    """Left by interrupted builds, dropped."""
    pruned: tuple[str, ...]
    """Earlier versions that nobody needs, dropped."""


@dataclass(frozen=True, kw_only=True)
class _Build:
    """One build: what was asked, and what was found before anything is created."""

    request: SnapshotRequest
    rules: rules.Rules
    programs: schema.Programs
    owner: str
    seen: Catalog
    guard: Connection
    admin: Connection


def build(request: SnapshotRequest, progress: ProgressCallback = ignore) -> SnapshotReport:
    """Make the next version of the snapshot of `request.database`.

    Everything that can refuse is asked before anything is created, and what a failed build made is dropped.

    Raises:
        RulesError: the rules don't classify every column, or don't fit the database.
        SaltMissingError: the rules need a salt and the request has none worth the name.
        SnapshotBusyError: another session is building one.
        NotCarriedError: the source has what a snapshot can't carry.
        DiskShortError: it would not fit.
        ServerRefusedError, NameRefusedError, NotOursError: as they say; no snapshot was begun.
        BuildFailedError: the copy failed or isn't whole; it is gone.
    """
    started = time.monotonic()
    read_rules = _rules(request)
    programs = schema.find_programs(request.pg_dump)
    owner = names.branch_owner(request.database)
    with source.guard(request.server, request.database) as guard, connect(request.server) as admin:
        without_rows = request.content is not Content.MASKED
        excluded = Exclusions(
            schemas=read_rules.excluded, large_objects=without_rows or read_rules.excludes_large_objects
        )
        seen = source.read(guard, request.owner, excluded)
        _classify(request, read_rules, seen)
        _require_salt(request, read_rules)
        source.require_carried(seen)
        target.require_tablespace(admin, request.tablespace)
        _require_disk(request, admin, seen)
        one = _Build(
            request=request, rules=read_rules, programs=programs, owner=owner, seen=seen, guard=guard, admin=admin
        )
        return _make(one, progress, started)


def _make(one: _Build, progress: ProgressCallback, started: float) -> SnapshotReport:
    request = one.request
    swept = publish.sweep_unpublished(one.admin, request.database, request.brancher)
    version = publish.next_version(inventory.survey(one.admin, sizes=False), request.database)
    name = names.snapshot_name(request.database, version)
    roles.ensure_owner(one.admin, one.owner, request.brancher)
    with _discarded_on_failure(request.server, name):
        target.create(
            one.admin,
            name,
            locale=one.seen.locale,
            brancher=request.brancher,
            owner=one.owner,
            tablespace=request.tablespace,
        )
        filled, catalog, taken_at = _copy(one, name, progress)
        progress(Progress(phase="publish"))
        content = SnapshotMetadata(
            application=request.application,
            database=request.database,
            version=version,
            taken_at=taken_at,
            rules_digest=one.rules.digest,
            rows=sum(filled.rows.values()),
            bytes=_size(one.admin, name),
            seconds=round(time.monotonic() - started, 3),
            dropped=filled.dropped,
            settings=restorable(catalog.settings),
            login_settings=restorable(dict(catalog.role_settings).get(request.login_role or request.database, ())),
            owner=one.owner,
            comment=catalog.comment,
            content=request.content,
            rules=one.rules.counts,
            empty=filled.empty,
            measures=_measures(one),
            tablespace=request.tablespace,
        )
        source.require_guard(one.guard, request.database)
        publish.publish(one.admin, name, content)
    pruned = publish.prune(one.admin, request.database, request.keep)
    pool.drop_stale(one.admin, inventory.survey(one.admin, sizes=False), request.database)
    unused = tuple(f"{rule.where}: {rule.subject} {rule.found}" for rule in rules.unused(one.rules, catalog.tables))
    return SnapshotReport(
        name=name,
        metadata=content,
        rows=filled.rows,
        empty=filled.empty,
        unused=unused,
        swept=swept,
        pruned=pruned,
    )


def _copy(one: _Build, name: str, progress: ProgressCallback) -> tuple[fill.Filled, Catalog, str]:
    request = one.request
    destination = fill.Destination(server=request.server, name=name, owner=one.owner)
    reader = source.Reader(
        server=request.replica or request.server,
        role=request.owner,
        salt=request.salt,
        lock_wait_seconds=request.lock_wait_seconds,
    )
    with source.frozen(reader, one.seen) as live:
        filled = fill.fill(
            destination,
            live,
            _classify(request, one.rules, live.catalog),
            one.programs,
            content=request.content,
            comments=one.rules.keeps_comments,
            pace=request.pace,
            progress=progress,
        )
    checked = one.rules if request.content is Content.MASKED else None
    fill.settle(destination, live.catalog, checked, filled.rows, progress)
    return filled, live.catalog, live.taken_at


def _rules(request: SnapshotRequest) -> rules.Rules:
    """The rules; without a file none, where no row comes over that would need them."""
    if request.content is not Content.MASKED and not request.rules_file.exists():
        return rules.Rules(path=str(request.rules_file), tables={}, lines={})
    return rules_file.load(request.rules_file)


def _classify(request: SnapshotRequest, read_rules: rules.Rules, seen: Catalog) -> rules.Classification:
    return rules.classify(read_rules, seen.tables) if request.content is Content.MASKED else {}


def _require_salt(request: SnapshotRequest, read_rules: rules.Rules) -> None:
    if request.content is Content.MASKED and read_rules.salted and len(request.salt) < SHORTEST_SALT:
        raise SaltMissingError(
            f"{request.rules_file} has masks that need a secret salt of at least {SHORTEST_SALT} characters; "
            f"{len(request.salt)} were given",
            "export SOCLE_MASKING_SALT=$(openssl rand -hex 32), and keep it: another salt gives other masked values",
        )


def _require_disk(request: SnapshotRequest, admin: Connection, seen: Catalog) -> None:
    look = request.free_bytes or (lambda: disk.local_free_bytes(request.server, admin, request.tablespace))
    free = look()
    disk.require(seen.bytes, free, f"a snapshot of {request.database}")


def _measures(one: _Build) -> dict[str, Any]:
    where = one.request.tablespace
    found = probe.known(inventory.survey(one.admin, sizes=False), one.admin.info.server_version, where)
    if found is None and one.request.probe:
        found = probe.measure(one.request.server, one.admin, where)
    return found.to_plain() if found else {}


def _size(admin: Connection, name: str) -> int:
    row = admin.execute("SELECT pg_database_size(%s::name)", (name,)).fetchone()
    return int(str(row[0])) if row else 0


@contextmanager
def _discarded_on_failure(server: Server, name: str) -> Iterator[None]:
    """Drop the database when the block fails, by a session of its own: the others may be what failed."""
    try:
        yield
    except BaseException as error:
        try:
            with connect(server) as connection:
                target.drop(connection, name)
        except psycopg.Error:
            error.add_note(f"{name} could not be dropped; the next build drops it")
        if isinstance(error, psycopg.Error):
            # Where the server complains of a value or a key it may quote a row; elsewhere its first line has names.
            quotes_rows = isinstance(error, psycopg.errors.DataError | psycopg.errors.IntegrityError)
            reason = type(error).__name__ if quotes_rows else error.diag.message_primary or type(error).__name__
            raise BuildFailedError(f"{name}: {reason} ({error.sqlstate or 'connection'})") from None
        raise
