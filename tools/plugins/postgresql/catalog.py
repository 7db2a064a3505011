"""What the resource types ask of the catalog and do to roles: who owns what, who is a member of whom, and the locks.

Locks and temporary memberships follow the upstream's `helpers.go`: the same advisory keys, so that both plugins at once
wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tools.plugins.resource import PluginError

if TYPE_CHECKING:
    from tools.plugins.postgresql.connection import Connection

PUBLIC = "public"
_SET_OPTION_VERSION = 160000


def quoted(identifier: str) -> str:
    """An identifier as SQL reads it (and `to_regrole`). Not psycopg's: that would have to be imported for a Diff."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string as SQL reads it, for the statements that take no parameters."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'" if "\\" not in escaped else " E'" + escaped.replace("\\", "\\\\") + "'"


def run(connection: Connection, statement: str) -> None:
    """Execute a statement without parameters."""
    connection.execute(statement.encode())


def one(connection: Connection, query: str, *values: Any) -> Any:
    """The first column of the first row, None if there is no row."""
    row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None


def database_exists(connection: Connection, database: str) -> bool:
    """Whether there is a database of that name."""
    return one(connection, "SELECT true FROM pg_database WHERE datname = %s", database) is not None


def role_exists(connection: Connection, role: str) -> bool:
    """Whether there is a role of that name; PUBLIC is always there."""
    return role == PUBLIC or one(connection, "SELECT true FROM pg_roles WHERE rolname = %s", role) is not None


def schema_exists(connection: Connection, schema: str) -> bool:
    """Whether the connection's database has a schema of that name."""
    return one(connection, "SELECT true FROM pg_namespace WHERE nspname = %s", schema) is not None


def role_oid(connection: Connection, role: str) -> int:
    """The role's oid, 0 for PUBLIC. Raises PluginError if there is no such role."""
    if role == PUBLIC:
        return 0
    oid = one(connection, "SELECT oid FROM pg_roles WHERE rolname = %s", role)
    if oid is None:
        raise PluginError(f"there is no role {role}")
    return int(oid)


def is_superuser(connection: Connection, role: str) -> bool:
    """Whether the role may do everything."""
    return bool(one(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = %s", role))


def current_user(connection: Connection) -> str:
    """Whom the connection acts as."""
    return str(one(connection, "SELECT current_user"))


def database_owner(connection: Connection, database: str = "") -> str:
    """The owner of `database` (empty: the connection's). Raises PluginError if there is no such database."""
    owner = one(
        connection,
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = coalesce(nullif(%s, ''), current_database())",
        database,
    )
    if owner is None:
        raise PluginError(f"there is no database {database}")
    return str(owner)


def schema_owners(connection: Connection, schema: str, *, with_tables: bool) -> list[str]:
    """The schema's owner, and those of the tables in it. Raises PluginError if there is no such schema."""
    owner = one(connection, "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = %s", schema)
    if owner is None:
        raise PluginError(f"there is no schema {schema}")
    owners = {str(owner)}
    if with_tables:
        rows = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = %s", (schema,))
        owners |= {str(row[0]) for row in rows}
    # Nobody can be a member of it by GRANT: it stands for the owner of the database.
    return sorted(database_owner(connection) if role == "pg_database_owner" else role for role in owners)


def lock_role(connection: Connection, role: str) -> None:
    """Wait for whoever changes `role` or one of its members, until the transaction ends."""
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SELECT pg_advisory_xact_lock(oid::bigint) FROM pg_roles WHERE rolname = %s", (role,))
    connection.execute(
        "SELECT pg_advisory_xact_lock(member::bigint) FROM pg_auth_members "
        "JOIN pg_roles ON roleid = pg_roles.oid WHERE rolname = %s",
        (role,),
    )


def lock_database(connection: Connection, database: str) -> None:
    """Wait for whoever changes grants on `database`, until the transaction ends."""
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SELECT pg_advisory_xact_lock(oid::bigint) FROM pg_database WHERE datname = %s", (database,))


@contextmanager
def session_lock_on_role(connection: Connection, role: str) -> Iterator[None]:
    """The same as `lock_role`, for statements outside transactions (the upstream holds a second connection for it)."""
    connection.execute("SET statement_timeout = 0")
    connection.execute("SELECT pg_advisory_lock(oid::bigint) FROM pg_roles WHERE rolname = %s", (role,))
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(oid::bigint) FROM pg_roles WHERE rolname = %s", (role,))
            connection.execute("RESET statement_timeout")


@contextmanager
def as_member_of(connection: Connection, roles: Sequence[str]) -> Iterator[None]:
    """Make the connected user a member of `roles` for the block: without being a superuser it must be, to give away
    what is theirs. Where a role is itself a member of the user, that is taken away for the time: no circles."""
    user = current_user(connection)
    if not roles or is_superuser(connection, user):
        yield
        return
    granted, revoked = [], []
    for role in roles:
        # A plain user can't be made a member of a superuser, and PostgreSQL says so itself when it matters.
        if not role or is_superuser(connection, role):
            continue
        if _revoke(connection, user, role):
            revoked.append(role)
        if _grant(connection, role, user):
            granted.append(role)
    try:
        yield
    except BaseException:
        # A transaction takes its memberships back by itself, and could not run a statement any more.
        if connection.info.transaction_status.name == "IDLE":
            _restore(connection, user, granted, revoked)
        raise
    _restore(connection, user, granted, revoked)


def _restore(connection: Connection, user: str, granted: Sequence[str], revoked: Sequence[str]) -> None:
    for role in granted:
        if role_exists(connection, role):
            _revoke(connection, role, user)
    for role in revoked:
        if role_exists(connection, role):
            _grant(connection, user, role)


def is_member(connection: Connection, role: str, member: str) -> bool:
    """Whether `member` was granted `role` directly, with the right to act as it."""
    acting = "AND set_option" if connection.info.server_version >= _SET_OPTION_VERSION else ""
    query = f"SELECT true FROM pg_auth_members WHERE roleid = to_regrole(%s) AND member = to_regrole(%s) {acting}"
    return one(connection, query, quoted(role), quoted(member)) is not None


def _grant(connection: Connection, role: str, member: str) -> bool:
    if role == member or is_member(connection, role, member):
        return False
    run(connection, f"GRANT {quoted(role)} TO {quoted(member)}")
    return True


def _revoke(connection: Connection, role: str, member: str) -> bool:
    if role == member or not is_member(connection, role, member):
        return False
    run(connection, f"REVOKE {quoted(role)} FROM {quoted(member)}")
    return True
