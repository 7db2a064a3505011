"""The live database: read at one moment, by one read-only transaction, and otherwise left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from psycopg import sql

from branching import catalog as catalogs
from branching import lock
from branching.connection import Connection, Server, connect, nearest
from branching.errors import BuildFailedError, NotCarriedError, ServerRefusedError, SnapshotBusyError
from branching.masking import masks
from branching.metadata import stamp
from branching.relations import Catalog, Exclusions

_EXPORT = """
    SELECT pg_export_snapshot(),
           CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN now()
                ELSE coalesce(pg_last_xact_replay_timestamp(), now()) END"""
"""A standby that lags has the data of an earlier moment."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How to read the source."""

    server: Server
    role: str = ""
    """Whom to read as; empty for the session's own."""
    salt: str = field(default="", repr=False)
    """What the masks read."""
    lock_wait_seconds: int = 60
    """How long to wait for a table that somebody changes."""

    @contextmanager
    def session(self, database: str) -> Iterator[Connection]:
        """A session in a transaction that reads one moment and writes nothing."""
        settings = {masks.SALT: self.salt} if self.salt else {}
        with connect(nearest(self.server), database, autocommit=False, settings=settings) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection


@dataclass(frozen=True, kw_only=True)
class FrozenSource:
    """The source at the moment that the snapshot shows, for as long as the transaction lasts."""

    connection: Connection
    catalog: Catalog
    exported: str
    """The snapshot's identifier, for pg_dump to see the same moment."""
    taken_at: str
    reader: Reader

    @contextmanager
    def waiters(self) -> Iterator[Callable[[], bool]]:
        """A question: does anybody on the server wait for a lock that this transaction has?"""
        pid = self.connection.info.backend_pid
        query = """SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                   AND wait_event_type = 'Lock' AND %s = ANY (pg_blocking_pids(pid)))"""
        with connect(self.reader.server, self.catalog.database) as connection:

            def ask() -> bool:
                row = connection.execute(query, (pid,)).fetchone()
                return bool(row and row[0])

            yield ask

    @contextmanager
    def another_session(self) -> Iterator[Connection]:
        """A session that sees the same moment and has the same locks.

        Raises:
            psycopg.OperationalError: it can't be had, or a lock can't be had at once.
        """
        with self.reader.session(self.catalog.database) as connection:
            connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(self.exported)))
            become(connection, self.reader.role)
            _lock_tables(connection, self.catalog, at_once=True)
            yield connection
            connection.rollback()


@contextmanager
def guard(server: Server, database: str) -> Iterator[Connection]:
    """A session in the source that holds the builder's lock; it ends with the process, however that ends.

    Raises:
        SnapshotBusyError: another session holds the lock.
        ServerRefusedError: there is no such database.
    """
    try:
        connection = connect(server, database)
    except psycopg.OperationalError as error:
        raise ServerRefusedError(f"can't connect to the database {database}: {str(error).strip()}") from None
    with connection:
        pid = lock.acquire(connection, subject(database))
        if pid is not None:
            raise SnapshotBusyError(
                f"a snapshot of {database} is being built (pid {pid})",
                "wait for it; if nobody builds, end that session: SELECT pg_terminate_backend(" + str(pid) + ")",
            )
        yield connection


def require_guard(connection: Connection, database: str) -> None:
    """Ask whether the builder's lock is still this session's.

    Raises:
        BuildFailedError: it isn't, so that another build may have begun.
    """
    try:
        held = lock.holder(connection, subject(database)) == connection.info.backend_pid
    except psycopg.Error:
        held = False
    if not held:
        raise BuildFailedError(f"the lock on the snapshots of {database} was lost", "build again")


def read(connection: Connection, role: str, excluded: Exclusions | None = None) -> Catalog:
    """The source's catalog but for what is excluded, read as `role` (as the session's own where empty).

    Raises:
        ServerRefusedError: the session may not become `role`, or `role` may not read.
    """
    try:
        with connection.transaction():
            become(connection, role)
            return catalogs.read(connection).without(excluded or Exclusions())
    except psycopg.errors.InsufficientPrivilege as error:
        raise unreadable(connection, role, error) from None


@contextmanager
def frozen(reader: Reader, seen: Catalog) -> Iterator[FrozenSource]:
    """The source at one moment, its tables locked against changes of their definition (not of their rows).

    Args:
        reader: where it is, and who reads.
        seen: the catalog that the rules were checked against.

    Raises:
        BuildFailedError: the definitions changed since `seen`, or a table's lock can't be had.
        ServerRefusedError: the role may not read.
    """
    with reader.session(seen.database) as connection:
        try:
            become(connection, reader.role)
            # Before the first query, which fixes the moment: a table rewritten in between would look empty to it.
            _lock_patiently(connection, seen, reader.lock_wait_seconds)
            catalog = catalogs.read(connection).without(seen.excluded)
        except psycopg.errors.InsufficientPrivilege as error:
            raise unreadable(connection, reader.role, error) from None
        _require_same(seen, catalog)
        row = connection.execute(_EXPORT).fetchone()
        if row is None or not isinstance(row[1], datetime):
            raise BuildFailedError(f"{seen.database} exports no snapshot")
        yield FrozenSource(
            connection=connection, catalog=catalog, exported=str(row[0]), taken_at=stamp(row[1]), reader=reader
        )
        connection.rollback()


def require_carried(catalog: Catalog) -> None:
    """Refuse what would silently be missing.

    Raises:
        NotCarriedError: the source has large objects.
    """
    if catalog.large_objects:
        raise NotCarriedError(
            f"{catalog.database} has {catalog.large_objects} large objects, which a snapshot can't mask",
            "leave them behind: excludeLargeObjects: true in the rules; or move them into a bytea column",
        )


def subject(database: str) -> str:
    """What the builder's lock of a database is called."""
    return f"snapshot:{database}"


def become(connection: Connection, role: str) -> None:
    """Be `role` until the transaction ends; nobody else where it is empty."""
    if role:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))


def _lock_patiently(connection: Connection, seen: Catalog, wait_seconds: int) -> None:
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{wait_seconds}s")))
    try:
        _lock_tables(connection, seen)
    except psycopg.errors.LockNotAvailable:
        message = f"a table of {seen.database} stayed locked for {wait_seconds} s, by a migration perhaps"
        raise BuildFailedError(message, "build again when it is done") from None
    except psycopg.errors.UndefinedTable:
        raise _changed(seen) from None
    connection.execute("SET LOCAL lock_timeout = 0")


def _lock_tables(connection: Connection, seen: Catalog, *, at_once: bool = False) -> None:
    names = [sql.SQL("ONLY {}").format(sql.Identifier(table.schema, table.name)) for table in seen.tables]
    if names:
        tables = sql.SQL(", ").join(names)
        how = sql.SQL(" NOWAIT" if at_once else "")
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE{}").format(tables, how))


def _require_same(seen: Catalog, now: Catalog) -> None:
    if seen.shape() != now.shape():
        raise _changed(seen)


def _changed(seen: Catalog) -> BuildFailedError:
    return BuildFailedError(f"the definitions of {seen.database} changed while the snapshot began", "build again")


def unreadable(connection: Connection, role: str, error: psycopg.Error) -> ServerRefusedError:
    """The error for a session that may not read."""
    who = role or connection.info.user
    return ServerRefusedError(
        f"{connection.info.user} reading as {who}: {error.diag.message_primary}",
        "name the role that owns the tables, and make the administrator a member of it",
    )
