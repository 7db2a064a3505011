"""Measures how fast this server copies databases, with real copies of a small one.

A few copies of 32 MB and as many of nothing, each with its checkpoints: a few seconds of an idle server. What was
found is kept in the snapshots' metadata and holds for a month.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import psycopg
from psycopg import sql

from branching import disk, lock, target
from branching.connection import Connection, Server, connect, major
from branching.inventory import Inventory, seconds_since
from branching.measures import MIB, Measures
from branching.metadata import now
from branching.strategy import CLONING_MAJOR, Strategy

ORIGINAL, EMPTY, COPY = "socle_probe", "socle_probe_empty", "socle_probe_copy"
_NOT_HERE = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.DuplicateDatabase,
    psycopg.OperationalError,
    psycopg.InternalError,
)
"""The role may not, a name is somebody's, the disk is full or the filesystem refuses: a copy is predicted by what is
typical."""
SIZE = 32 * MIB
TIMES = 2
"""Copies of each kind; the fastest counts, since others are at work on the server too."""
VALID_SECONDS = 30 * 86400
_SHARING_BYTES_PER_SECOND = 3000 * MIB
"""Faster than any disk, so that no data can have been written."""


def known(found: Inventory, server_version: int, tablespace: str) -> Measures | None:
    """The newest measures of this version of the server and place on it that a snapshot remembers and that still
    hold."""
    remembered: Iterable[Measures | None] = (
        Measures.from_plain(one.metadata.measures) for one in found.snapshots if one.metadata
    )
    valid = [
        one
        for one in remembered
        if one
        and (one.server_version, one.tablespace) == (server_version, tablespace)
        and seconds_since(one.taken_at) < VALID_SECONDS
    ]
    return max(valid, key=lambda one: one.taken_at, default=None)


def measure(server: Server, connection: Connection, tablespace: str = "") -> Measures | None:
    """Make the copies and time them. None where another session is at it, or where the role may not.

    Args:
        server: with an administrator.
        connection: its session in the maintenance database, outside any transaction.
        tablespace: where to make the copies; empty is the server's own place.
    """
    if lock.acquire(connection, "probe") is not None:
        return None
    try:
        return _measure(server, connection, tablespace)
    except _NOT_HERE:
        return None
    finally:
        for name in (COPY, EMPTY, ORIGINAL):
            with suppress(psycopg.Error):
                _drop(connection, name)
        lock.release(connection, "probe")


def _measure(server: Server, connection: Connection, tablespace: str) -> Measures:
    for name in (COPY, EMPTY, ORIGINAL):
        _drop(connection, name)
    # Not template0 for the empty one: files can't be shared from one filesystem to another.
    for name in (EMPTY, ORIGINAL):
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 {} CONNECTION LIMIT 1")
        connection.execute(statement.format(sql.Identifier(name), target.in_tablespace(tablespace)))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    with connect(server, ORIGINAL) as inside:
        inside.execute("CREATE TABLE public.filler (content text)")
        # CREATE TABLE takes STORAGE from PostgreSQL 16 on.
        inside.execute("ALTER TABLE public.filler ALTER content SET STORAGE PLAIN")
        inside.execute(
            "INSERT INTO public.filler SELECT repeat('x', 8000) FROM generate_series(1, %s)", (SIZE // 8192,)
        )
    if major(connection) >= CLONING_MAJOR:
        with suppress(psycopg.errors.InvalidParameterValue):
            connection.execute("SET file_copy_method = clone")

    def free() -> int | None:
        return disk.local_free_bytes(server, connection, tablespace)

    _copy(connection, EMPTY, Strategy.FILE_COPY)  # writes out what the filling left
    _drop(connection, COPY)
    file_base, _ = _best(connection, EMPTY, Strategy.FILE_COPY, free)
    files, taken = _best(connection, ORIGINAL, Strategy.FILE_COPY, free)
    wal_base, _ = _best(connection, EMPTY, Strategy.WAL_LOG, free)
    wal, _ = _best(connection, ORIGINAL, Strategy.WAL_LOG, free)
    file_rate = _rate(files - file_base)
    return Measures(
        server_version=connection.info.server_version,
        taken_at=now(),
        tablespace=tablespace,
        shares_blocks=major(connection) >= CLONING_MAJOR
        and (file_rate > _SHARING_BYTES_PER_SECOND if taken is None else taken < SIZE // 2),
        wal_log_base_seconds=round(wal_base, 3),
        wal_log_bytes_per_second=_rate(wal - wal_base),
        file_copy_base_seconds=round(file_base, 3),
        file_copy_bytes_per_second=file_rate,
    )


def _best(
    connection: Connection, template: str, strategy: Strategy, free: Callable[[], int | None]
) -> tuple[float, int | None]:
    """Seconds of the fastest of a few copies, and bytes of disk of the one that took most: what was dropped before goes
    later on some filesystems."""
    found = []
    for _ in range(TIMES):
        before = free()
        seconds = _copy(connection, template, strategy)
        after = free()
        found.append((seconds, before - after if before is not None and after is not None else None))
        _drop(connection, COPY)
    taken = [size for _, size in found if size is not None]
    return min(seconds for seconds, _ in found), max(taken, default=None)


def _copy(connection: Connection, template: str, strategy: Strategy) -> float:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {} ALLOW_CONNECTIONS false")
    started = time.monotonic()
    connection.execute(statement.format(sql.Identifier(COPY), sql.Identifier(template), sql.SQL(strategy.value)))
    return time.monotonic() - started


def _drop(connection: Connection, name: str) -> None:
    """Drop a probe's database; one of that name that another role made is somebody's own."""
    query = "SELECT 1 FROM pg_database WHERE datname = %s AND pg_get_userbyid(datdba) = current_user"
    if connection.execute(query, (name,)).fetchone():
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _rate(seconds: float) -> float:
    # A difference below the clock's noise would be a rate of infinity.
    return round(SIZE / max(seconds, 0.002))
