"""The end of an application: its snapshots and the role that owned their objects go."""

from __future__ import annotations

import psycopg
from psycopg import sql

from branching import inventory, names, source, target
from branching.connection import Server, connect
from branching.errors import NotOursError


def retire(server: Server, database: str) -> tuple[str, ...]:
    """Drop every snapshot of `database`, and the NOLOGIN role that owned what was in them. Twice is no error.

    Args:
        server: with an administrator.
        database: the live database, which may be gone already; it is not touched.

    Returns:
        The snapshots that were dropped.

    Raises:
        NotOursError: branches of it are left, and nothing was dropped; or something else depends on the role.
        SnapshotBusyError: a snapshot of it is being built.
    """
    with connect(server) as connection:
        found = inventory.survey(connection, sizes=False)
        _require_no_branches(found, database)
        snapshots = tuple(one.name for one in found.of_source(database))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone():
            with source.guard(server, database):
                pass
        for name in (*snapshots, *(one.name for one in found.warm if one.database == database)):
            target.drop(connection, name)
        try:
            owner = sql.Identifier(names.branch_owner(database))
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(owner))
        except psycopg.errors.DependentObjectsStillExist as error:
            raise NotOursError(f"role {names.branch_owner(database)}: {error.diag.message_detail}") from None
    return snapshots


def _require_no_branches(found: inventory.Inventory, database: str) -> None:
    left = [one.name for one in found.branches if one.metadata is not None and one.metadata.database == database]
    if left:
        raise NotOursError(
            f"branches of {database} are left: {', '.join(left)}", f"python -m branching drop {' '.join(left)}"
        )
