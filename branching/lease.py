"""Keeps a branch or a snapshot for a while, whatever a sweep or a newer version would do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from branching import branch_state
from branching.connection import Connection
from branching.errors import SnapshotMissingError
from branching.metadata import BranchMetadata, now, stamp


def renew(connection: Connection, name: str) -> None:
    """Let a branch's time to live begin again. Where there is no such branch nothing happens."""
    branch_state.amend(
        connection, name, lambda made: replace(made, pushed_at=now()) if isinstance(made, BranchMetadata) else made
    )


def hold(connection: Connection, name: str, days: float) -> str:
    """Keep the database `name` for `days` from now on; none ends its lease.

    Returns:
        Until when, ISO 8601; empty where it has no lease now.

    Raises:
        SnapshotMissingError: there is no finished branch or snapshot of that name.
    """
    until = stamp(datetime.now(UTC) + timedelta(days=days)) if days else ""
    if branch_state.amend(connection, name, lambda made: replace(made, lease_until=until)) is None:
        raise SnapshotMissingError(f"{name} is no branch and no snapshot", "python -m branching list")
    return until
