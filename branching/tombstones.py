"""What is left of a closed pull request, so that a late run can't bring its branch back.

A tombstone is a role that can do nothing, with the moment as its comment: roles are there for the whole server, and the
brancher may make them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from psycopg import sql

from branching import lock
from branching.connection import Connection
from branching.errors import PullRequestClosedError, ServerRefusedError
from branching.metadata import now

_LOCK_WAIT = 60.0
"""Seconds."""
_NAME = re.compile(r"socle_closed_pr_([1-9][0-9]*)")


def role(pull_request: int) -> str:
    """The tombstone's name."""
    return f"socle_closed_pr_{pull_request}"


def all_of(connection: Connection) -> Mapping[int, str]:
    """When each closed pull request was closed, by its number."""
    rows = connection.execute(
        r"""SELECT rolname, coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles
            WHERE rolname ~ '^socle_closed_pr_[1-9][0-9]*$'"""
    ).fetchall()
    matched = ((_NAME.fullmatch(str(name)), str(comment)) for name, comment in rows)
    return {int(match[1]): closed for match, closed in matched if match}


def close(connection: Connection, pull_request: int) -> None:
    """Set the tombstone. Where it is set nothing changes."""
    name = sql.Identifier(role(pull_request))
    with _alone(connection, pull_request):
        if pull_request in all_of(connection):
            return
        with connection.transaction():
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOINHERIT").format(name))
            connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(name, sql.Literal(now())))


def reopen(connection: Connection, pull_request: int) -> None:
    """Take the tombstone away, if there is one."""
    with _alone(connection, pull_request):
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role(pull_request))))


@contextmanager
def _alone(connection: Connection, pull_request: int) -> Iterator[None]:
    """Two runs that make or drop one role at once would trip over each other."""
    subject = f"closed:{pull_request}"
    pid = lock.acquire(connection, subject, wait_seconds=_LOCK_WAIT)
    if pid is not None:
        raise ServerRefusedError(f"pull request {pull_request} is being closed by another session (pid {pid})")
    try:
        yield
    finally:
        lock.release(connection, subject)


def require_open(connection: Connection, pull_request: int) -> None:
    """Refuse a closed pull request.

    Raises:
        PullRequestClosedError: so it is.
    """
    closed = all_of(connection).get(pull_request)
    if closed is not None:
        raise PullRequestClosedError(
            f"pull request {pull_request} was closed at {closed}",
            f"if it was opened again: python -m branching reopen {pull_request}",
        )
