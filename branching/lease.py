"""Keeps a branch or a snapshot for a while, whatever a sweep or a newer version would do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from branching import branch_plan as plan
from branching import inventory
from branching.connection import Connection
from branching.errors import SnapshotMissingError
from branching.metadata import BranchMetadata, encode, now, stamp


def renew(connection: Connection, name: str) -> None:
    """Let a branch's time to live begin again. Where there is no such branch nothing happens."""
    found = next((one for one in inventory.databases(connection) if one.name == name), None)
    if found and isinstance(found.metadata, BranchMetadata):
        connection.execute(plan.comment(name, encode(replace(found.metadata, pushed_at=now()))))


def hold(connection: Connection, name: str, days: float) -> str:
    """Keep the database `name` for `days` from now on; none ends its lease.

    Returns:
        Until when, ISO 8601; empty where it has no lease now.

    Raises:
        SnapshotMissingError: there is no finished branch or snapshot of that name.
    """
    found = next((one for one in inventory.databases(connection) if one.name == name), None)
    made = found.metadata if found else None
    if made is None:
        raise SnapshotMissingError(f"{name} is no branch and no snapshot", "python -m branching list")
    until = stamp(datetime.now(UTC) + timedelta(days=days)) if days else ""
    connection.execute(plan.comment(name, encode(replace(made, lease_until=until))))
    return until
