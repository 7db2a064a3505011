"""Copies a snapshot as a template, the way that was chosen."""

from __future__ import annotations

import psycopg
import tenacity

from branching import branch_plan as plan
from branching import names
from branching.connection import BULK, Connection
from branching.errors import CopyFailedError
from branching.metadata import SnapshotMetadata
from branching.strategy import Plan

IN_USE = (psycopg.errors.ObjectInUse, psycopg.errors.InvalidCatalogName)
"""A worker of the server's is in the snapshot for a moment, or a newer version replaced it: choose again."""

_SERVERS_OWN = (psycopg.errors.DiskFull, psycopg.errors.IoError, psycopg.errors.InternalError_)
"""A disk that runs full can also show as an internal error of the clearing up that follows (seen on PostgreSQL 18:
"buffer is pinned in InvalidateBuffer")."""

retried = tenacity.retry(
    retry=tenacity.retry_if_exception_type(IN_USE),
    wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
    stop=tenacity.stop_after_delay(60),
    reraise=True,
)
"""For what chooses a snapshot and copies it. No lock is held meanwhile that another run would wait for."""


def copy(connection: Connection, snapshot: SnapshotMetadata, name: str, chosen: Plan) -> None:
    """Make the database `name`, closed, from the snapshot.

    Raises:
        CopyFailedError: the server's disk is full, or can't be read.
        psycopg.Error: one of `IN_USE`, or what else the server says.
    """
    connection.execute("SELECT set_config('backend_flush_after', %s, false)", (BULK["backend_flush_after"],))
    if chosen.clone:
        _share_blocks(connection)
    template = names.snapshot_name(snapshot.database, snapshot.version)
    try:
        connection.execute(plan.create_database(name, template, chosen.strategy))
    except _SERVERS_OWN as error:
        raise CopyFailedError(
            f"the server could not copy {template} to {name}: {error.diag.message_primary}",
            "see whether its disk is full (python -m branching list shows what the copies take), and its log",
        ) from None


def _share_blocks(connection: Connection) -> None:
    try:
        connection.execute("SET file_copy_method = clone")
    except psycopg.errors.InvalidParameterValue:
        return  # a platform without it: the server copies, which is slower and nothing else
