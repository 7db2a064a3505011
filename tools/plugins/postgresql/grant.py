"""`postgresql:index/grant:Grant` (upstream: resource_postgresql_grant.go)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tools.plugins.postgresql import catalog, grant_sql, privileges
from tools.plugins.postgresql.bridged import Bridged, Desired
from tools.plugins.postgresql.catalog import run
from tools.plugins.postgresql.properties import Kind, Property
from tools.plugins.resource import PluginError
from tools.plugins.values import Properties

if TYPE_CHECKING:
    from tools.plugins.postgresql.connection import Connection

_WITHOUT_SCHEMA = ("database", "foreign_data_wrapper", "foreign_server")
_OBJECT_TYPES = (
    "database",
    "function",
    "procedure",
    "routine",
    "schema",
    "sequence",
    "table",
    "foreign_data_wrapper",
    "foreign_server",
    "column",
)


class Grant(Bridged):
    """The privileges of one role on one kind of objects. Only `privileges` change in place."""

    delete_before_replace = True
    schema = (
        Property(name="role", required=True, force_new=True),
        Property(name="database", required=True, force_new=True),
        Property(name="schema", force_new=True),
        Property(name="objectType", required=True, force_new=True, choices=_OBJECT_TYPES),
        Property(name="objects", kind=Kind.SET, force_new=True),
        Property(name="columns", kind=Kind.SET, force_new=True),
        Property(name="privileges", kind=Kind.SET, required=True),
        Property(name="withGrantOption", kind=Kind.BOOLEAN, force_new=True, default=False),
    )

    def identify(self, values: Properties) -> str:
        """`role_database[_schema]_type[_object…][_column…]`."""
        schema = [] if values["objectType"] in _WITHOUT_SCHEMA else [values["schema"]]
        parts = [values["role"], values["database"], *schema, values["objectType"]]
        return "_".join(parts + _by_hash(values["objects"]) + _by_hash(values["columns"]))

    def make(self, desired: Desired) -> Properties:
        """REVOKE everything, then GRANT what is wanted, in one transaction."""
        return self._apply(desired.new, desired.new)

    def alter(self, desired: Desired) -> Properties:
        """The same, revoking what there was."""
        return self._apply(desired.old, desired.new)

    def look(self, values: Properties) -> Properties | None:
        """The privileges of the first object that has others than wanted."""
        with self.server.transaction() as connection:
            if not catalog.database_exists(connection, values["database"]):
                return None
        with self.server.transaction(values["database"]) as connection:
            if not catalog.role_exists(connection, values["role"]) or not _has_schema(connection, values):
                return None
            return grant_sql.deviation(connection, values)

    def drop(self, values: Properties) -> None:
        """REVOKE what was granted. A role that is gone, or has another name now, has nothing left to lose."""
        if self.look(values) is None:
            return
        with self._changing(values) as connection:
            run(connection, grant_sql.revoke(values))

    def _apply(self, before: Properties, values: Properties) -> Properties:
        _validate(values)
        with self._changing(values) as connection:
            privileges.validate(values["objectType"], values["privileges"], connection.info.server_version)
            run(connection, grant_sql.revoke(before))
            if values["privileges"]:
                run(connection, grant_sql.grant(values))
        with self.server.transaction(values["database"]) as connection:
            return grant_sql.deviation(connection, values)

    @contextmanager
    def _changing(self, values: Properties) -> Iterator[Connection]:
        """A transaction that nobody disturbs, as a member of the objects' owners."""
        with self.server.transaction(values["database"]) as connection:
            catalog.lock_role(connection, values["role"])
            if values["objectType"] == "database":
                catalog.lock_database(connection, values["database"])
            owners: list[str] = []
            if values["objectType"] not in _WITHOUT_SCHEMA:
                with_tables = values["objectType"] != "schema"
                owners = catalog.schema_owners(connection, values["schema"], with_tables=with_tables)
            with catalog.as_member_of(connection, owners):
                yield connection


def _by_hash(names: list[str]) -> list[str]:
    """The order of terraform-plugin-sdk's sets, and so of the names in an id: by the digits of each one's CRC-32."""
    return sorted(names, key=lambda name: str(zlib.crc32(name.encode())))


def _has_schema(connection: Connection, values: Properties) -> bool:
    if values["objectType"] in _WITHOUT_SCHEMA or not values["schema"]:
        return True
    return catalog.schema_exists(connection, values["schema"])


def _validate(values: Properties) -> None:
    """What the upstream refuses. Raises PluginError."""
    kind, objects, columns = values["objectType"], values["objects"], values["columns"]
    one_object = {"column", "foreign_data_wrapper", "foreign_server"}
    rules = (
        (not values["schema"] and kind not in _WITHOUT_SCHEMA, "needs a `schema`"),
        (objects and kind in {"database", "schema"}, "takes no `objects`"),
        (columns and kind != "column", "takes no `columns`"),
        (not columns and kind == "column", "needs `columns`"),
        (len(values["privileges"]) != 1 and kind == "column", "needs exactly one of `privileges`"),
        (len(objects) != 1 and kind in one_object, "needs exactly one of `objects`"),
    )
    for broken, message in rules:
        if broken:
            raise PluginError(f"a grant on objectType '{kind}' {message}")
