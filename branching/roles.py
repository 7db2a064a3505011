"""The roles that a snapshot needs: the shared owner of its objects, and who may hand that one on."""

from __future__ import annotations

from psycopg import sql
from psycopg.rows import dict_row

from branching.connection import Connection, major
from branching.errors import NotOursError, ServerRefusedError


def ensure_owner(connection: Connection, owner: str, brancher: str) -> None:
    """Make the NOLOGIN role that owns the copies' objects, give it to the brancher to hand on, and to this session's
    role to create things as. Does nothing where all of it is so.

    Raises:
        ServerRefusedError: there is no brancher, or the session's role may not grant.
        NotOursError: a role of the owner's name can log in or has an attribute.
    """
    if _attributes(connection, brancher) is None:
        raise ServerRefusedError(
            f"the server has no role {brancher!r}, which makes branches",
            f"CREATE ROLE {brancher} LOGIN CREATEDB CREATEROLE PASSWORD …",
        )
    if _attributes(connection, owner) is None:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOINHERIT").format(sql.Identifier(owner)))
    _check_powerless(connection, owner)
    _grant(connection, owner, brancher, admin=True)
    if not is_superuser(connection):
        me = connection.info.user
        for role in (brancher, owner):
            _grant(connection, role, me, admin=False)


def is_superuser(connection: Connection) -> bool:
    """Whether the session's role is one."""
    found = _attributes(connection, connection.info.user)
    return found is not None and bool(found["rolsuper"])


def _attributes(connection: Connection, role: str) -> dict[str, object] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT rolsuper, rolcanlogin, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
               FROM pg_roles WHERE rolname = %s""",
            (role,),
        ).fetchone()


def _check_powerless(connection: Connection, role: str) -> None:
    has = [name for name, value in (_attributes(connection, role) or {}).items() if value]
    if has:
        raise NotOursError(
            f"role {role!r} would own every branch's objects, but it has {', '.join(has)}",
            f"rename that role, or ALTER ROLE {role} NOLOGIN without attributes",
        )


def _grant(connection: Connection, role: str, member: str, *, admin: bool) -> None:
    # Granting again rewrites the same row; two builders of different databases would collide on the brancher's.
    if _is_member(connection, role, member, admin=admin):
        return
    if major(connection) >= 16:
        options = sql.SQL("WITH ADMIN TRUE, INHERIT TRUE, SET TRUE" if admin else "WITH INHERIT TRUE, SET TRUE")
    else:
        options = sql.SQL("WITH ADMIN OPTION" if admin else "")
    connection.execute(
        sql.SQL("GRANT {} TO {} {}").format(sql.Identifier(role), sql.Identifier(member), options),
    )


def _is_member(connection: Connection, role: str, member: str, *, admin: bool) -> bool:
    wanted = "set_option AND inherit_option" if major(connection) >= 16 else "true"
    row = connection.execute(
        sql.SQL(
            """SELECT count(*) FROM pg_auth_members
               WHERE roleid = %s::regrole AND member = %s::regrole AND (admin_option OR NOT %s) AND {}"""
        ).format(sql.SQL(wanted)),
        (sql.Identifier(role).as_string(connection), sql.Identifier(member).as_string(connection), admin),
    ).fetchone()
    return row is not None and row[0] != 0
