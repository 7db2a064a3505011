"""`postgresql:index/role:Role` (upstream: resource_postgresql_role.go)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tools.plugins.postgresql import catalog
from tools.plugins.postgresql.bridged import Bridged, Desired
from tools.plugins.postgresql.catalog import literal, quoted, run
from tools.plugins.postgresql.properties import Kind, Property
from tools.plugins.resource import PluginError
from tools.plugins.values import Properties

if TYPE_CHECKING:
    from tools.plugins.postgresql.connection import Connection

_ATTRIBUTES = {
    "superuser": "SUPERUSER",
    "createDatabase": "CREATEDB",
    "createRole": "CREATEROLE",
    "inherit": "INHERIT",
    "login": "LOGIN",
    "bypassRowLevelSecurity": "BYPASSRLS",
    "replication": "REPLICATION",
}
"""SQL's word for each on-or-off attribute; off is the same with NO before it."""
_SETTINGS = {
    "statementTimeout": "statement_timeout",
    "idleInTransactionSessionTimeout": "idle_in_transaction_session_timeout",
}
_VERIFIERS = ("SCRAM-SHA-256$", "md5")
_FOREVER = "infinity"


class Role(Bridged):
    """A role. Its id is its name; a new name renames it."""

    schema = (
        Property(name="name", required=True, autonamed=True),
        Property(name="password", secret=True, conflicts=("passwordWo", "passwordWoVersion")),
        Property(name="passwordWo", secret=True, write_only=True, needs=("passwordWoVersion",)),
        Property(name="passwordWoVersion", needs=("passwordWo",)),
        Property(name="encrypted"),
        Property(name="roles", kind=Kind.SET),
        Property(name="searchPaths", kind=Kind.LIST, upstream="search_path"),
        Property(name="encryptedPassword", kind=Kind.BOOLEAN, default=True),
        Property(name="validUntil", default=_FOREVER),
        Property(name="connectionLimit", kind=Kind.INTEGER, default=-1, minimum=-1),
        Property(name="superuser", kind=Kind.BOOLEAN, default=False),
        Property(name="createDatabase", kind=Kind.BOOLEAN, default=False),
        Property(name="createRole", kind=Kind.BOOLEAN, default=False),
        Property(name="idleInTransactionSessionTimeout", kind=Kind.INTEGER, minimum=0),
        Property(name="inherit", kind=Kind.BOOLEAN, default=True),
        Property(name="login", kind=Kind.BOOLEAN, default=False),
        Property(name="replication", kind=Kind.BOOLEAN, default=False),
        Property(name="bypassRowLevelSecurity", kind=Kind.BOOLEAN, default=False),
        Property(name="skipDropRole", kind=Kind.BOOLEAN, default=False),
        Property(name="skipReassignOwned", kind=Kind.BOOLEAN, default=False),
        Property(name="statementTimeout", kind=Kind.INTEGER, minimum=0),
        Property(name="assumeRole"),
    )

    def identify(self, values: Properties) -> str:
        """The role's name."""
        return str(values["name"])

    def named(self, resource_id: str) -> Properties:
        """An id is a name."""
        return {"name": resource_id}

    def make(self, desired: Desired) -> Properties:
        """CREATE ROLE, memberships and settings, in one transaction."""
        with self.server.transaction() as connection:
            options = [word if desired[name] else f"NO{word}" for name, word in _ATTRIBUTES.items()]
            options.append(f"CONNECTION LIMIT {desired['connectionLimit']}")
            options.append(f"VALID UNTIL {literal(desired['validUntil'] or _FOREVER)}")
            options += _password(connection, desired)
            run(connection, f"CREATE ROLE {quoted(desired['name'])} WITH {' '.join(options)}")
            _grant_roles(connection, desired)
            _set_variables(connection, desired)
        return self._found(desired.new)

    def alter(self, desired: Desired) -> Properties:
        """RENAME and ALTER ROLE for what changed; memberships are all revoked and granted anew, as upstream does."""
        role = quoted(desired["name"])
        with self.server.transaction() as connection:
            catalog.lock_role(connection, desired.old["name"])
            if desired.changed("name"):
                run(connection, f"ALTER ROLE {quoted(desired.old['name'])} RENAME TO {role}")
            options = [
                word if desired[name] else f"NO{word}" for name, word in _ATTRIBUTES.items() if desired.changed(name)
            ]
            if desired.changed("connectionLimit"):
                options.append(f"CONNECTION LIMIT {desired['connectionLimit']}")
            if desired.changed("validUntil") and desired["validUntil"]:
                options.append(f"VALID UNTIL {literal(desired['validUntil'])}")
            if _renews_password(desired):
                options += _password(connection, desired)
            if options:
                run(connection, f"ALTER ROLE {role} WITH {' '.join(options)}")
            _revoke_roles(connection, desired["name"])
            _grant_roles(connection, desired)
            _set_variables(connection, desired)
        return self._found(desired.new)

    def look(self, values: Properties) -> Properties | None:
        """The role's row in pg_roles, its memberships and its settings."""
        with self.server.transaction() as connection:
            row = connection.execute(_ROLE, (values["name"],)).fetchone()
            if row is None:
                return None
            facts = dict(zip(_COLUMNS, row, strict=True))
            settings = _settings(facts.pop("settings") or [])
            password = self._password_in(connection, values, login=facts["login"]) if values["password"] else None
        found = facts | settings | {"encryptedPassword": True}
        return found | ({"password": password} if password is not None else {})

    def drop(self, values: Properties) -> None:
        """REASSIGN OWNED and DROP OWNED in the provider's own database, then DROP ROLE."""
        role = values["name"]
        with self.server.transaction() as connection:
            catalog.lock_role(connection, role)
            if not values["skipReassignOwned"]:
                with catalog.as_member_of(connection, [role]):
                    run(connection, f"REASSIGN OWNED BY {quoted(role)} TO {quoted(self.server.config.role)}")
                    run(connection, f"DROP OWNED BY {quoted(role)}")
            if not values["skipDropRole"]:
                run(connection, f"DROP ROLE {quoted(role)}")

    def _found(self, values: Properties) -> Properties:
        facts = self.look(values)
        if facts is None:
            raise PluginError(f"the role {values['name']} has vanished while it was changed")
        return facts

    def _password_in(self, connection: Connection, values: Properties, *, login: bool) -> str:
        """The state's password, or the stored verifier where that is plainly of another one.

        A SCRAM verifier is taken for the right one, as upstream does: it says nothing without a login.
        """
        known = str(values["password"])
        config = self.server.config
        if not login or not config.superuser:
            return known
        if not catalog.is_superuser(connection, catalog.current_user(connection)):
            raise PluginError(
                f"can't read the password of role {values['name']}: {config.role} is no superuser; "
                "set `superuser=False` in the provider's configuration"
            )
        stored = catalog.one(
            connection, "SELECT coalesce(passwd, '') FROM pg_shadow WHERE usename = %s", values["name"]
        )
        return known if _stands_for(str(stored or ""), known, values["name"]) else str(stored or "")


_COLUMNS = (
    "name",
    "superuser",
    "inherit",
    "createRole",
    "createDatabase",
    "login",
    "connectionLimit",
    "validUntil",
    "replication",
    "bypassRowLevelSecurity",
    "roles",
    "settings",
)
_ROLE = b"""
SELECT rolname::text, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit,
       coalesce(rolvaliduntil::text, 'infinity'), rolreplication, rolbypassrls,
       ARRAY(SELECT pg_get_userbyid(roleid)::text FROM pg_auth_members WHERE member = pg_roles.oid ORDER BY 1),
       rolconfig
FROM pg_roles WHERE rolname = %s
"""


def _stands_for(stored: str, password: str, role: str) -> bool:
    if password.startswith(_VERIFIERS):
        return False
    if stored.startswith("md5"):
        return stored == "md5" + hashlib.md5((password + role).encode(), usedforsecurity=False).hexdigest()
    return stored.startswith("SCRAM-SHA-256")


def _renews_password(desired: Desired) -> bool:
    """A rename drops an md5 password, so it is set again then."""
    if desired["passwordWo"]:
        return desired.changed("passwordWoVersion")
    return desired.changed("password") or desired.changed("name")


def _password(connection: Connection, desired: Desired) -> list[str]:
    """The PASSWORD option, as a verifier: a password in clear text would end up in the server's log."""
    password = desired["password"] or desired["passwordWo"]
    if not password:
        return []
    if password.upper() == "NULL":
        return ["PASSWORD NULL"]
    if not desired["encryptedPassword"]:
        raise PluginError("`encryptedPassword=False` is refused: PostgreSQL no longer keeps passwords in clear text")
    if not password.startswith(_VERIFIERS):
        password = connection.pgconn.encrypt_password(password.encode(), desired["name"].encode()).decode()
    return [f"ENCRYPTED PASSWORD {literal(password)}"]


def _grant_roles(connection: Connection, desired: Desired) -> None:
    for granted in desired["roles"]:
        run(connection, f"GRANT {quoted(granted)} TO {quoted(desired['name'])}")


def _revoke_roles(connection: Connection, role: str) -> None:
    rows = connection.execute(
        "SELECT pg_get_userbyid(roleid)::text FROM pg_auth_members WHERE member = to_regrole(%s)", (quoted(role),)
    ).fetchall()
    for (granted,) in rows:
        run(connection, f"REVOKE {quoted(granted)} FROM {quoted(role)}")


def _set_variables(connection: Connection, desired: Desired) -> None:
    """The settings that each session of the role starts with."""
    role = quoted(desired["name"])
    path = desired["searchPaths"]
    if any(", " in part for part in path):
        raise PluginError(f"a schema in search_path can't contain a comma and a space: {path}")
    run(connection, f"ALTER ROLE {role} SET search_path TO {', '.join(map(quoted, path)) or 'DEFAULT'}")
    for prop, variable in _SETTINGS.items():
        if desired.changed(prop):
            change = f"SET {variable} TO {desired[prop]}" if desired[prop] else f"RESET {variable}"
            run(connection, f"ALTER ROLE {role} {change}")
    if desired.changed("assumeRole"):
        assumed = desired["assumeRole"]
        run(connection, f"ALTER ROLE {role} {f'SET ROLE TO {quoted(assumed)}' if assumed else 'RESET ROLE'}")


def _settings(entries: list[str]) -> Properties:
    """The properties that rolconfig ("variable=value") tells."""
    variables = dict(entry.split("=", 1) for entry in entries)
    path = variables.get("search_path")
    found: dict[str, Any] = {
        "searchPaths": [part.strip('"') for part in path.split(", ")] if path is not None else [],
        "assumeRole": variables.get("role", ""),
    }
    return found | {prop: _milliseconds(variables.get(variable, "0")) for prop, variable in _SETTINGS.items()}


def _milliseconds(value: str) -> int:
    """A time-out as this plugin writes it. Raises PluginError if somebody wrote it with a unit."""
    try:
        return int(value)
    except ValueError:
        raise PluginError(f"a time-out of the role is '{value}': only plain milliseconds are understood") from None
