"""Warm branches: closed copies of the newest snapshot, which become a pull request's branch by a rename."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import psycopg
from psycopg import sql

from branching import disk, inventory, lock, names, probe, strategy, target, template
from branching.connection import Connection, Server, connect, major
from branching.inventory import Inventory
from branching.measures import TYPICAL

_TAKEN = (psycopg.errors.InvalidCatalogName, psycopg.errors.ObjectInUse)
"""Another run took it, or the server is still in it for a moment."""


@dataclass(frozen=True, kw_only=True)
class PoolReport:
    """What a filling did."""

    made: tuple[str, ...]
    dropped: tuple[str, ...]
    """Copies of older snapshots, and those over the size."""


def take(connection: Connection, found: Inventory, database: str, version: int, name: str) -> bool:
    """Rename a warm copy of that snapshot to `name`; False where none is left. `name` is not there."""
    for warm in found.warm:
        if (warm.database, warm.version, warm.owner) != (database, version, connection.info.user):
            continue
        with suppress(*_TAKEN):
            statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(statement.format(sql.Identifier(warm.name), sql.Identifier(name)))
            return True
    return False


def fill(server: Server, database: str, size: int) -> PoolReport:
    """Have `size` warm copies of the newest masked snapshot of `database`, and none of older ones.

    One run at a time does it; another finds nothing to do.

    Raises:
        DiskShortError: one more would not fit.
        CopyFailedError: the server's disk ran full all the same.
    """
    with connect(server) as connection:
        subject = f"pool:{database}"
        if lock.acquire(connection, subject) is not None:
            return PoolReport(made=(), dropped=())
        try:
            found = inventory.survey(connection, sizes=False)
            dropped = drop_stale(connection, found, database, size)
            made = tuple(_missing(found, database, size, dropped))
            for name in made:
                _copy(server, connection, found, database, name)
        finally:
            lock.release(connection, subject)
    return PoolReport(made=made, dropped=dropped)


def drop_stale(connection: Connection, found: Inventory, database: str, size: int | None = None) -> tuple[str, ...]:
    """Drop the warm copies of snapshots that are no longer the newest, and those over `size`; their names."""
    published = found.published(database)
    newest = published[-1].version if published else None
    own = [one for one in found.warm if one.database == database]
    current = [one for one in own if one.version == newest and not one.half_dropped]
    keep = {one.name for one in (current if size is None else current[:size])}
    stale = tuple(one.name for one in own if one.name not in keep)
    for name in stale:
        target.drop(connection, name)
    return stale


def _missing(found: Inventory, database: str, size: int, dropped: tuple[str, ...]) -> list[str]:
    """The names of the copies to make, none where there is no snapshot. Pure."""
    published = found.published(database)
    there = {one.name for one in found.warm if one.database == database} - set(dropped)
    if not published:
        return []
    free = (names.warm_name(database, published[-1].version, number) for number in range(1, size + len(there) + 1))
    return [name for name in free if name not in there][: max(size - len(there), 0)]


def _copy(server: Server, connection: Connection, found: Inventory, database: str, name: str) -> None:
    newest = found.published(database)[-1]
    free = disk.local_free_bytes(server, connection, newest.tablespace)
    measures = probe.known(found, connection.info.server_version, newest.tablespace) or TYPICAL
    chosen = strategy.choose(newest.bytes, major(connection), measures, free)
    disk.require(chosen.disk_bytes, free, f"the warm branch {name}")
    template.copy(connection, newest, name, chosen)
