"""`postgresql:index/extension:Extension` (upstream: resource_postgresql_extension.go)."""

from __future__ import annotations

from tools.plugins.postgresql import catalog
from tools.plugins.postgresql.bridged import Bridged, Desired
from tools.plugins.postgresql.catalog import quoted, run
from tools.plugins.postgresql.properties import Kind, Property
from tools.plugins.postgresql.schema import database_and_name
from tools.plugins.resource import PluginError
from tools.plugins.values import Properties

_EXTENSION = (
    b"SELECT nspname::text, extversion FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace "
    b"WHERE extname = %s"
)


class Extension(Bridged):
    """An extension in a database. Its id is `database.extension`; schema and version change in place."""

    schema = (
        Property(name="name", required=True, autonamed=True, force_new=True),
        Property(name="schema", computed=True),
        Property(name="version", computed=True),
        Property(name="database", computed=True, force_new=True),
        Property(name="dropCascade", kind=Kind.BOOLEAN, default=False),
        Property(name="createCascade", kind=Kind.BOOLEAN, default=False),
    )

    def identify(self, values: Properties) -> str:
        """`database.extension`."""
        return f"{self._database(values)}.{values['name']}"

    def named(self, resource_id: str) -> Properties:
        """The two parts of an id."""
        return database_and_name(resource_id)

    def make(self, desired: Desired) -> Properties:
        """CREATE EXTENSION IF NOT EXISTS."""
        options = [f"CREATE EXTENSION IF NOT EXISTS {quoted(desired['name'])}"]
        if desired["schema"]:
            options.append(f"SCHEMA {quoted(desired['schema'])}")
        if desired["version"]:
            options.append(f"VERSION {quoted(desired['version'])}")
        if desired["createCascade"]:
            options.append("CASCADE")
        with self.server.transaction(self._database(desired.new)) as connection:
            run(connection, " ".join(options))
        return self._found(desired.new)

    def alter(self, desired: Desired) -> Properties:
        """SET SCHEMA and UPDATE TO."""
        extension = quoted(desired["name"])
        with self.server.transaction(self._database(desired.new)) as connection:
            if desired.changed("schema"):
                run(connection, f"ALTER EXTENSION {extension} SET SCHEMA {quoted(desired['schema'])}")
            if desired.changed("version"):
                run(connection, f"ALTER EXTENSION {extension} UPDATE TO {quoted(desired['version'])}")
        return self._found(desired.new)

    def look(self, values: Properties) -> Properties | None:
        """The extension's schema and version."""
        database = self._database(values)
        with self.server.transaction() as connection:
            if not catalog.database_exists(connection, database):
                return None
        with self.server.transaction(database) as connection:
            row = connection.execute(_EXTENSION, (values["name"],)).fetchone()
        return None if row is None else {"schema": row[0], "version": row[1], "database": database}

    def drop(self, values: Properties) -> None:
        """DROP EXTENSION, with what depends on it where `dropCascade` says so."""
        mode = "CASCADE" if values["dropCascade"] else "RESTRICT"
        with self.server.transaction(self._database(values)) as connection:
            run(connection, f"DROP EXTENSION {quoted(values['name'])} {mode}")

    def _database(self, values: Properties) -> str:
        return str(values["database"] or self.server.config.database)

    def _found(self, values: Properties) -> Properties:
        facts = self.look(values)
        if facts is None:
            raise PluginError(f"the extension {values['name']} has vanished while it was changed")
        return facts
