"""What is there of a branch, and the right to change it: shared by those who make and those who drop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from branching import branch_plan as plan
from branching import inventory, lock, names
from branching.connection import Connection
from branching.errors import NotOursError, ServerRefusedError
from branching.inventory import Database
from branching.metadata import BranchMetadata, Metadata, encode

_LOCK_WAIT = 600.0
"""Seconds to wait for another run on the same branch, which ends by itself."""


@contextmanager
def exclusively(connection: Connection, name: str) -> Iterator[None]:
    """Be the only run that changes the branch; other branches are made meanwhile.

    Raises:
        ServerRefusedError: another session keeps the branch for longer than ten minutes.
    """
    subject = f"branch:{name}"
    pid = lock.acquire(connection, subject, wait_seconds=_LOCK_WAIT)
    if pid is not None:
        raise ServerRefusedError(f"branch {name} is being changed by another session (pid {pid})", "try again")
    try:
        yield
    finally:
        if not connection.closed:
            lock.release(connection, subject)


def find(connection: Connection, name: str) -> Database | None:
    """The database of that name, whoever made it."""
    return next((one for one in inventory.databases(connection) if one.name == name), None)


def amend(connection: Connection, name: str, change: Callable[[Metadata], Metadata]) -> Metadata | None:
    """Change what the database `name` says of itself, while no other run does.

    Returns:
        What it says now; None where there is no such database, or it was never finished.

    Raises:
        ServerRefusedError: another session keeps the branch for longer than ten minutes.
    """
    with exclusively(connection, name):
        found = find(connection, name)
        if found is None or found.metadata is None:
            return None
        made = change(found.metadata)
        if made != found.metadata:
            connection.execute(plan.comment(name, encode(made)))
        return made


def is_finished(found: Database) -> bool:
    """Whether it is a branch that takes connections. Pure."""
    usable = found.is_open and found.connection_limit != inventory.INTERRUPTED_DROP
    return usable and isinstance(found.metadata, BranchMetadata)


def require_ours(found: Database, brancher: str) -> None:
    """Refuse a database that Socle didn't make. Pure.

    A closed database of the brancher's without metadata is what an interrupted run left; an open one is somebody's.

    Raises:
        NotOursError: so it is.
    """
    ours = isinstance(found.metadata, BranchMetadata) or not found.is_open
    if found.connection_limit == inventory.INTERRUPTED_DROP:
        ours = True
    if not ours or found.owner != brancher or names.parse_branch(found.name) is None:
        raise NotOursError(
            f"the database {found.name} of {found.owner} is not a branch that {brancher} made",
            f"rename it, or drop it by hand if nobody needs it: DROP DATABASE {found.name}",
        )
