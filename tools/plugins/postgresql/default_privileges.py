"""`postgresql:index/defaultPrivileges:DefaultPrivileges` and its old name `DefaultPrivileg`.

Upstream: resource_postgresql_default_privileges.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.plugins.postgresql import catalog, privileges
from tools.plugins.postgresql.bridged import Bridged, Desired
from tools.plugins.postgresql.catalog import quoted, run
from tools.plugins.postgresql.properties import Kind, Property
from tools.plugins.resource import PluginError
from tools.plugins.values import Properties

if TYPE_CHECKING:
    from tools.plugins.postgresql.connection import Connection

_CODES = {"table": "r", "sequence": "S", "function": "f", "routine": "f", "type": "T", "schema": "n"}
"""`pg_default_acl.defaclobjtype`."""


class DefaultPrivileges(Bridged):
    """What `role` may do with the objects that `owner` will make. Only `privileges` change in place."""

    schema = (
        Property(name="role", required=True, force_new=True),
        Property(name="database", required=True, force_new=True),
        Property(name="owner", required=True, force_new=True),
        Property(name="schema", force_new=True),
        Property(name="objectType", required=True, force_new=True, choices=tuple(_CODES)),
        Property(name="privileges", kind=Kind.SET, required=True),
        Property(name="withGrantOption", kind=Kind.BOOLEAN, force_new=True, default=False),
    )

    def identify(self, values: Properties) -> str:
        """`role_database_schema_owner_type`, "noschema" for all schemas."""
        schema = values["schema"] or "noschema"
        return "_".join((values["role"], values["database"], schema, values["owner"], values["objectType"]))

    def make(self, desired: Desired) -> Properties:
        """REVOKE everything, then GRANT what is wanted, in one transaction."""
        values = desired.new
        _validate(values)
        with self.server.transaction(values["database"]) as connection:
            privileges.validate(values["objectType"], values["privileges"], connection.info.server_version)
            catalog.lock_role(connection, values["owner"])
            with catalog.as_member_of(connection, [values["owner"]]):
                run(connection, _revoke(values))
                if values["privileges"]:
                    run(connection, _grant(values))
        with self.server.transaction(values["database"]) as connection:
            return _deviation(values, _found(connection, values), connection.info.server_version)

    def alter(self, desired: Desired) -> Properties:
        """The same."""
        return self.make(desired)

    def look(self, values: Properties) -> Properties | None:
        """The default privileges as they are. None at all, where some are wanted, is a resource that is gone."""
        with self.server.transaction() as connection:
            if not catalog.database_exists(connection, values["database"]):
                return None
        with self.server.transaction(values["database"]) as connection:
            if not catalog.role_exists(connection, values["role"]):
                return None
            if values["schema"] and not catalog.schema_exists(connection, values["schema"]):
                return None
            found = _found(connection, values)
            if values["privileges"] and not found:
                return None
            return _deviation(values, found, connection.info.server_version)

    def drop(self, values: Properties) -> None:
        """REVOKE ALL, where there is still something to revoke."""
        if self.look(values) is None:
            return
        with self.server.transaction(values["database"]) as connection:
            catalog.lock_role(connection, values["owner"])
            with catalog.as_member_of(connection, [values["owner"]]):
                run(connection, _revoke(values))


def _validate(values: Properties) -> None:
    if values["schema"] and values["objectType"] == "schema":
        raise PluginError("default privileges on objectType 'schema' take no `schema`")
    if values["withGrantOption"] and values["role"].lower() == catalog.PUBLIC:
        raise PluginError("default privileges for `public` can't have `withGrantOption`")


def _alter(values: Properties) -> str:
    schema = f" IN SCHEMA {quoted(values['schema'])}" if values["schema"] else ""
    return f"ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(values['owner'])}{schema}"


def _grant(values: Properties) -> str:
    option = " WITH GRANT OPTION" if values["withGrantOption"] else ""
    what = ", ".join(values["privileges"])
    return f"{_alter(values)} GRANT {what} ON {values['objectType'].upper()}S TO {quoted(values['role'])}{option}"


def _revoke(values: Properties) -> str:
    return f"{_alter(values)} REVOKE ALL ON {values['objectType'].upper()}S FROM {quoted(values['role'])}"


def _found(connection: Connection, values: Properties) -> list[str]:
    namespace = "(SELECT oid FROM pg_namespace WHERE nspname = %s)" if values["schema"] else "nullif(%s, '')::oid"
    query = (
        "SELECT privilege_type FROM pg_default_acl, LATERAL aclexplode(defaclacl) "
        "WHERE grantee = %s AND defaclobjtype = %s AND pg_get_userbyid(grantor) = %s "
        f"AND defaclnamespace = coalesce({namespace}, 0)"
    )
    grantee = catalog.role_oid(connection, values["role"])
    parameters = (grantee, _CODES[values["objectType"]], values["owner"], values["schema"])
    return sorted({row[0] for row in connection.execute(query.encode(), parameters)})


def _deviation(values: Properties, found: list[str], version: int) -> Properties:
    if privileges.same(values["objectType"], values["privileges"], found, version):
        return {}
    return {"privileges": found}
