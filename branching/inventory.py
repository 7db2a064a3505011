"""Which snapshots and branches a server has: one query, read from the databases' own comments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString

from psycopg.rows import class_row

from branching import names
from branching.connection import Connection
from branching.metadata import BranchMetadata, Content, Metadata, SnapshotMetadata, decode

INTERRUPTED_DROP = -2
"""The connection limit that PostgreSQL gives a database whose drop was interrupted."""

_QUERY: LiteralString = """
    SELECT d.datname AS name, pg_get_userbyid(d.datdba) AS owner, d.datistemplate AS is_template,
           d.datallowconn AS is_open, d.datconnlimit AS connection_limit,
           shobj_description(d.oid, 'pg_database') AS comment,
           CASE WHEN %(sizes)s AND d.datconnlimit <> -2 AND (pg_has_role(d.datdba, 'USAGE')
                     OR pg_has_role('pg_read_all_stats', 'USAGE'))
                THEN pg_database_size(d.oid) END AS bytes
    FROM pg_database d
    WHERE d.datname ~ '^pr_[1-9]' OR d.datname ~ '_snapshot_v[1-9][0-9]*$'
          OR d.datname ~ '_warm_v[1-9][0-9]*_[1-9][0-9]*$'
    ORDER BY d.datname"""


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database whose name is a snapshot's or a branch's; `metadata` says whether it is one."""

    name: str
    owner: str
    is_template: bool
    is_open: bool
    connection_limit: int
    comment: str | None
    bytes: int | None
    """Size on disk; None where it wasn't asked for, or the session's role may not know."""

    @property
    def metadata(self) -> Metadata | None:
        """What the database says of itself; None where it was never finished or isn't Socle's."""
        return decode(self.comment)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A snapshot, published or not."""

    name: str
    database: str
    version: int
    owner: str
    published: bool
    half_dropped: bool
    """A drop of it was interrupted; nothing but another drop is left to do."""
    bytes: int | None
    metadata: SnapshotMetadata | None
    """None where the build was not finished."""

    @property
    def age_seconds(self) -> float | None:
        """How old its data is."""
        return seconds_since(self.metadata.taken_at) if self.metadata else None


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch, finished or not."""

    name: str
    pull_request: int
    owner: str
    ready: bool
    """Whether it is finished and takes connections."""
    half_dropped: bool
    """A drop of it was interrupted; nothing but another drop is left to do."""
    bytes: int | None
    metadata: BranchMetadata | None

    @property
    def age_seconds(self) -> float | None:
        """How long ago it was made."""
        return seconds_since(self.metadata.created_at) if self.metadata else None


@dataclass(frozen=True, kw_only=True)
class Warm:
    """A closed copy of a snapshot that waits for a pull request."""

    name: str
    database: str
    version: int
    owner: str
    half_dropped: bool
    bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What branching has on one server."""

    snapshots: tuple[Snapshot, ...]
    """By database, then by version."""
    branches: tuple[Branch, ...]
    """By pull request, then by name."""
    warm: tuple[Warm, ...] = ()
    """By name."""

    def published(self, database: str, content: Content = Content.MASKED) -> tuple[SnapshotMetadata, ...]:
        """What the published snapshots of one source with that content say of themselves, the oldest version first."""
        found = (one.metadata for one in self.of_source(database) if one.published)
        return tuple(one for one in found if one is not None and one.content == content)

    def young(
        self, database: str, max_age_seconds: float, content: Content = Content.MASKED
    ) -> SnapshotMetadata | None:
        """The newest published snapshot of one source, if its data is no older than that."""
        published = self.published(database, content)
        return published[-1] if published and seconds_since(published[-1].taken_at) <= max_age_seconds else None

    def of_source(self, database: str) -> tuple[Snapshot, ...]:
        """The snapshots of one source, the oldest version first."""
        return tuple(snapshot for snapshot in self.snapshots if snapshot.database == database)


def survey(connection: Connection, *, sizes: bool = True) -> Inventory:
    """List snapshots and branches. Sizes cost the server one look at each file: leave them out where none is shown."""
    return inventory(databases(connection, sizes=sizes))


def databases(connection: Connection, *, sizes: bool = False) -> list[Database]:
    """Every database with a name of the form that branching gives, whoever made it."""
    with connection.cursor(row_factory=class_row(Database)) as cursor:
        return cursor.execute(_QUERY, {"sizes": sizes}).fetchall()


def inventory(found: list[Database]) -> Inventory:
    """Sort what was found into snapshots and branches, and leave out what only has such a name. Pure."""
    snapshots = [one for one in map(_snapshot, found) if one is not None]
    branches = [one for one in map(_branch, found) if one is not None]
    return Inventory(
        snapshots=tuple(sorted(snapshots, key=lambda one: (one.database, one.version))),
        branches=tuple(sorted(branches, key=lambda one: (one.pull_request, one.name))),
        warm=tuple(sorted((one for one in map(_warm, found) if one is not None), key=lambda one: one.name)),
    )


def seconds_since(moment: str) -> float:
    """Seconds from `moment`, as metadata writes it, until now."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


def _snapshot(found: Database) -> Snapshot | None:
    parsed = names.parse_snapshot(found.name)
    if parsed is None:
        return None
    metadata = found.metadata
    return Snapshot(
        name=found.name,
        database=parsed.database,
        version=parsed.version,
        owner=found.owner,
        published=found.is_template
        and not found.is_open
        and found.connection_limit != INTERRUPTED_DROP
        and isinstance(metadata, SnapshotMetadata),
        half_dropped=found.connection_limit == INTERRUPTED_DROP,
        bytes=found.bytes,
        metadata=metadata if isinstance(metadata, SnapshotMetadata) else None,
    )


def _warm(found: Database) -> Warm | None:
    parsed = names.parse_warm(found.name)
    # An open one is somebody's own, whatever its name.
    if parsed is None or found.is_open:
        return None
    return Warm(
        name=found.name,
        database=parsed.database,
        version=parsed.version,
        owner=found.owner,
        half_dropped=found.connection_limit == INTERRUPTED_DROP,
        bytes=found.bytes,
    )


def _branch(found: Database) -> Branch | None:
    parsed = names.parse_branch(found.name)
    metadata = found.metadata
    # A closed database without metadata is a branch that was interrupted; an open one is somebody's own.
    if parsed is None or (found.is_open and not isinstance(metadata, BranchMetadata)):
        return None
    return Branch(
        name=found.name,
        pull_request=parsed.pull_request,
        owner=found.owner,
        ready=found.is_open and found.connection_limit != INTERRUPTED_DROP,
        half_dropped=found.connection_limit == INTERRUPTED_DROP,
        bytes=found.bytes,
        metadata=metadata if isinstance(metadata, BranchMetadata) else None,
    )
