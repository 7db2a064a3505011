"""Locks that end with the session that holds them, so that a killed process never leaves one behind."""

from __future__ import annotations

import hashlib
import time

from branching.connection import Connection

_CLASS = 0x50C1E
"""Marks Socle's among a database's advisory locks; applications take theirs in the same space."""


def key(subject: str) -> int:
    """The lock's number: 32 bits, signed as PostgreSQL's integer is."""
    return int.from_bytes(hashlib.blake2b(subject.encode(), digest_size=4).digest(), "big", signed=True)


def acquire(connection: Connection, subject: str, *, wait_seconds: float = 0.0) -> int | None:
    """Take the lock on `subject` in the connection's database, for as long as the session lives.

    Polls instead of queueing, so that a waiter holds nothing that a third would wait for.

    Returns:
        None when it is held now, else the process id of the session that has it (0 where it just let go).
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (_CLASS, key(subject))).fetchone()
        if row is not None and row[0]:
            return None
        if time.monotonic() >= deadline:
            return holder(connection, subject) or 0
        time.sleep(0.1)


def release(connection: Connection, subject: str) -> None:
    """Let go of what `acquire` took."""
    connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_CLASS, key(subject)))


def holder(connection: Connection, subject: str, database: str | None = None) -> int | None:
    """The process id of the session that holds the lock in `database` (the connection's where None), or None."""
    row = connection.execute(
        """SELECT pid FROM pg_locks
           WHERE locktype = 'advisory' AND granted AND objsubid = 2
             AND database = (SELECT oid FROM pg_database WHERE datname = coalesce(%s, current_database()))
             AND classid = %s AND objid = %s::int8::oid""",
        (database, _CLASS, key(subject) & 0xFFFFFFFF),
    ).fetchone()
    return int(str(row[0])) if row else None
