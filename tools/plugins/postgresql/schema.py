"""`postgresql:index/schema:Schema` (upstream: resource_postgresql_schema.go), without the deprecated `policies`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.plugins.postgresql import catalog
from tools.plugins.postgresql.bridged import Bridged, Desired
from tools.plugins.postgresql.catalog import quoted, run
from tools.plugins.postgresql.properties import Kind, Property
from tools.plugins.resource import PluginError
from tools.plugins.values import Properties

if TYPE_CHECKING:
    from tools.plugins.postgresql.connection import Connection

_OWNER = "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = %s"


class Schema(Bridged):
    """A schema of a database. Its id is `database.schema`; a new name renames it."""

    schema = (
        Property(name="name", required=True, autonamed=True),
        Property(name="database", computed=True, force_new=True),
        Property(name="owner", computed=True),
        Property(name="ifNotExists", kind=Kind.BOOLEAN, default=True),
        Property(name="dropCascade", kind=Kind.BOOLEAN, default=False),
        Property(name="policies", kind=Kind.BLOCKS, computed=True, upstream="policy"),
    )

    def identify(self, values: Properties) -> str:
        """`database.schema`."""
        return f"{self._database(values)}.{values['name']}"

    def named(self, resource_id: str) -> Properties:
        """The two parts of an id."""
        return database_and_name(resource_id)

    def make(self, desired: Desired) -> Properties:
        """CREATE SCHEMA, or ALTER SCHEMA … OWNER where there is one already."""
        _validate(desired)
        owner = desired["owner"]
        with self.server.transaction(self._database(desired.new)) as connection:
            owners = [catalog.database_owner(connection), *([owner] if owner else [])]
            with catalog.as_member_of(connection, list(dict.fromkeys(owners))):
                if catalog.schema_exists(connection, desired["name"]):
                    _take_over(connection, desired)
                else:
                    authorization = f" AUTHORIZATION {quoted(owner)}" if owner else ""
                    unless = "IF NOT EXISTS " if desired["ifNotExists"] else ""
                    run(connection, f"CREATE SCHEMA {unless}{quoted(desired['name'])}{authorization}")
        return self._found(desired.new)

    def alter(self, desired: Desired) -> Properties:
        """RENAME and OWNER."""
        _validate(desired)
        with self.server.transaction(self._database(desired.new)) as connection:
            owners = [role for role in (desired.old["owner"], desired["owner"]) if role]
            with catalog.as_member_of(connection, list(dict.fromkeys(owners))):
                if desired.changed("name"):
                    run(connection, f"ALTER SCHEMA {quoted(desired.old['name'])} RENAME TO {quoted(desired['name'])}")
                if desired.changed("owner") and desired["owner"]:
                    run(connection, f"ALTER SCHEMA {quoted(desired['name'])} OWNER TO {quoted(desired['owner'])}")
        return self._found(desired.new)

    def look(self, values: Properties) -> Properties | None:
        """The schema's owner."""
        database = self._database(values)
        with self.server.transaction() as connection:
            if not catalog.database_exists(connection, database):
                return None
        with self.server.transaction(database) as connection:
            owner = catalog.one(connection, _OWNER, values["name"])
        if owner is None:
            return None
        return {"name": values["name"], "owner": owner, "database": database, "policies": values["policies"] or []}

    def drop(self, values: Properties) -> None:
        """DROP SCHEMA, with what is in it where `dropCascade` says so."""
        mode = "CASCADE" if values["dropCascade"] else "RESTRICT"
        with self.server.transaction(self._database(values)) as connection:
            if not catalog.schema_exists(connection, values["name"]):
                return
            with catalog.as_member_of(connection, [values["owner"]]):
                run(connection, f"DROP SCHEMA {quoted(values['name'])} {mode}")

    def _database(self, values: Properties) -> str:
        return str(values["database"] or self.server.config.database)

    def _found(self, values: Properties) -> Properties:
        facts = self.look(values)
        if facts is None:
            raise PluginError(f"the schema {values['name']} has vanished while it was changed")
        return facts


def database_and_name(resource_id: str) -> Properties:
    """The parts of an id `database.name`. Raises PluginError if it has not two."""
    parts = resource_id.split(".")
    if len(parts) != 2:
        raise PluginError(f"'{resource_id}' is no id of the form database.name")
    return {"database": parts[0], "name": parts[1]}


def _take_over(connection: Connection, desired: Desired) -> None:
    if desired["owner"]:
        run(connection, f"ALTER SCHEMA {quoted(desired['name'])} OWNER TO {quoted(desired['owner'])}")


def _validate(desired: Desired) -> None:
    if desired["policies"] and desired.changed("policies"):
        raise PluginError("the offline plugin knows no `policies` of a schema (deprecated): declare a Grant instead")
