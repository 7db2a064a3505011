"""The role that logs in to a branch."""

from __future__ import annotations

import psycopg

from branching import branch_plan as plan
from branching.branch_plan import Limits
from branching.connection import Connection
from branching.errors import NotOursError, ServerRefusedError


def ensure(connection: Connection, role: str, password: str | None, limits: Limits) -> None:
    """Make the role, or bring its password and limit up to date.

    Args:
        connection: the brancher's.
        role: its name.
        password: in clear; the server is sent a SCRAM verifier, so that no statement log ever holds it. None keeps it.
        limits: its connection limit.

    Raises:
        NotOursError: a role of that name has more rights than a branch's role gets, or isn't the brancher's to alter.
        ServerRefusedError: the role is new and there is no password.
    """
    verifier = scram(connection, role, password) if password is not None else None
    if not _exists(connection, role):
        if verifier is None:
            raise ServerRefusedError(f"role {role} is new and needs a password", "give one")
        connection.execute(plan.create_role(role, verifier, limits))
        return
    try:
        connection.execute(plan.alter_role(role, verifier, limits))
    except psycopg.errors.InsufficientPrivilege:
        raise NotOursError(
            f"role {role} is there and {connection.info.user} didn't make it", "rename or drop it"
        ) from None


def drop(connection: Connection, role: str) -> None:
    """Drop the role where it is there and is a branch's.

    Raises:
        NotOursError: it isn't the brancher's to drop, or something outside its branch depends on it.
    """
    if not _exists(connection, role):
        return
    try:
        connection.execute(plan.drop_role(role))
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.DependentObjectsStillExist) as error:
        raise NotOursError(
            f"role {role} can't be dropped: {error.diag.message_primary}", error.diag.message_detail or ""
        ) from None


def scram(connection: Connection, role: str, password: str) -> str:
    """The verifier that the server keeps instead of the password."""
    return connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()


def _exists(connection: Connection, role: str) -> bool:
    """Whether it is there, after a refusal of one that no branch would have."""
    row = connection.execute(
        """SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls
           FROM pg_roles WHERE rolname = %s""",
        (role,),
    ).fetchone()
    if row is None:
        return False
    if row[0]:
        raise NotOursError(f"role {role} is an administrator's, not a branch's", "rename it")
    return True
