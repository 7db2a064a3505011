"""`postgresql:index/database:Database` (upstream: resource_postgresql_database.go)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tools.plugins.postgresql import catalog
from tools.plugins.postgresql.bridged import Bridged, Desired
from tools.plugins.postgresql.catalog import literal, quoted, run
from tools.plugins.postgresql.properties import Kind, Property
from tools.plugins.resource import PluginError
from tools.plugins.values import Properties

if TYPE_CHECKING:
    from tools.plugins.postgresql.connection import Connection

_TEMPLATE = "template0"


class Database(Bridged):
    """A database. Its id is its name; a new name renames it."""

    schema = (
        Property(name="name", required=True, autonamed=True),
        Property(name="owner", computed=True),
        Property(name="template", computed=True, force_new=True),
        Property(name="encoding", computed=True, force_new=True),
        Property(name="lcCollate", computed=True, force_new=True),
        Property(name="lcCtype", computed=True, force_new=True),
        Property(name="tablespaceName", computed=True),
        Property(name="connectionLimit", kind=Kind.INTEGER, default=-1, minimum=-1),
        Property(name="allowConnections", kind=Kind.BOOLEAN, default=True),
        Property(name="isTemplate", kind=Kind.BOOLEAN, computed=True),
        Property(name="alterObjectOwnership", kind=Kind.BOOLEAN, default=False),
    )

    def identify(self, values: Properties) -> str:
        """The database's name."""
        return str(values["name"])

    def named(self, resource_id: str) -> Properties:
        """An id is a name."""
        return {"name": resource_id}

    def make(self, desired: Desired) -> Properties:
        """CREATE DATABASE, of template0 and in UTF8 unless said otherwise."""
        self.server.forget(desired["template"])
        with self.server.autocommit() as connection, self._acting_for(connection, desired["owner"]):
            run(connection, f"CREATE DATABASE {quoted(desired['name'])} {self._options(desired)}")
        return self._found(desired.new)

    def alter(self, desired: Desired) -> Properties:
        """ALTER DATABASE for what changed."""
        database = quoted(desired["name"])
        with self.server.autocommit() as connection:
            if desired.changed("name"):
                self.server.forget(desired.old["name"])
                run(connection, f"ALTER DATABASE {quoted(desired.old['name'])} RENAME TO {database}")
            self._hand_over(connection, desired)
            for option in _changes(desired):
                if "TABLESPACE" in option:
                    self.server.forget(desired["name"])
                run(connection, f"ALTER DATABASE {database} {option}")
        return self._found(desired.new)

    def look(self, values: Properties) -> Properties | None:
        """The database's row in pg_database. The template is known to nobody but the state."""
        with self.server.transaction() as connection:
            row = connection.execute(_DATABASE, (values["name"],)).fetchone()
        if row is None:
            return None
        return dict(zip(_COLUMNS, row, strict=True)) | {"template": values["template"] or _TEMPLATE}

    def drop(self, values: Properties) -> None:
        """DROP DATABASE WITH (FORCE), after nobody new can connect."""
        database = quoted(values["name"])
        self.server.forget(values["name"])
        with self.server.autocommit() as connection, self._acting_for(connection, values["owner"]):
            if values["isTemplate"]:
                run(connection, f"ALTER DATABASE {database} IS_TEMPLATE false")
            run(connection, f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
            run(connection, f"DROP DATABASE {database} WITH (FORCE)")

    def _found(self, values: Properties) -> Properties:
        facts = self.look(values)
        if facts is None:
            raise PluginError(f"the database {values['name']} has vanished while it was changed")
        return facts

    def _options(self, desired: Desired) -> str:
        options = [
            f"OWNER {quoted(desired['owner'] or self.server.config.role)}",
            f"TEMPLATE {_or_default(desired['template'] or _TEMPLATE, quoted)}",
            f"ENCODING {_or_default(desired['encoding'] or 'UTF8', literal)}",
        ]
        if desired["lcCollate"]:
            options.append(f"LC_COLLATE {_or_default(desired['lcCollate'], literal)}")
        if desired["lcCtype"]:
            options.append(f"LC_CTYPE {_or_default(desired['lcCtype'], literal)}")
        if desired["tablespaceName"]:
            options.append(f"TABLESPACE {_or_default(desired['tablespaceName'], quoted)}")
        options.append(f"ALLOW_CONNECTIONS {desired['allowConnections']}")
        options.append(f"CONNECTION LIMIT {desired['connectionLimit']}")
        options.append(f"IS_TEMPLATE {desired['isTemplate']}")
        return " ".join(options)

    @contextmanager
    def _acting_for(self, connection: Connection, owner: str) -> Iterator[None]:
        """Only a member of the owner may give it a database, or drop its one: be one for the time, one at a time."""
        if not owner:
            yield
            return
        with (
            catalog.session_lock_on_role(connection, self.server.config.role),
            catalog.as_member_of(connection, [owner]),
        ):
            yield

    def _hand_over(self, connection: Connection, desired: Desired) -> None:
        owner = desired["owner"]
        if not owner:
            return
        if desired["alterObjectOwnership"] and (desired.changed("owner") or desired.changed("alterObjectOwnership")):
            self._hand_over_objects(desired["name"], owner)
        if desired.changed("owner"):
            with self._acting_for(connection, owner):
                run(connection, f"ALTER DATABASE {quoted(desired['name'])} OWNER TO {quoted(owner)}")

    def _hand_over_objects(self, database: str, owner: str) -> None:
        with self.server.transaction(database) as connection:
            catalog.lock_role(connection, self.server.config.role)
            current = catalog.database_owner(connection)
            if current == owner:
                return
            with catalog.as_member_of(connection, [current]):
                run(connection, f"REASSIGN OWNED BY {quoted(current)} TO {quoted(owner)}")


_COLUMNS = (
    "name",
    "owner",
    "encoding",
    "lcCollate",
    "lcCtype",
    "tablespaceName",
    "connectionLimit",
    "allowConnections",
    "isTemplate",
)
_DATABASE = b"""
SELECT datname::text, pg_get_userbyid(datdba)::text, pg_encoding_to_char(encoding)::text, datcollate, datctype,
       spcname::text, datconnlimit, datallowconn, datistemplate
FROM pg_database JOIN pg_tablespace ON dattablespace = pg_tablespace.oid
WHERE datname = %s
"""


def _or_default(value: str, form: Callable[[str], str]) -> str:
    """SQL's DEFAULT where the program says so, else the value in its form."""
    return "DEFAULT" if value.upper() == "DEFAULT" else form(value)


def _changes(desired: Desired) -> list[str]:
    options = []
    if desired.changed("tablespaceName"):
        tablespace = desired["tablespaceName"]
        usual = tablespace.upper() in {"", "DEFAULT"}
        options.append("RESET TABLESPACE" if usual else f"SET TABLESPACE {quoted(tablespace)}")
    if desired.changed("connectionLimit"):
        options.append(f"CONNECTION LIMIT {desired['connectionLimit']}")
    if desired.changed("allowConnections"):
        options.append(f"ALLOW_CONNECTIONS {desired['allowConnections']}")
    if desired.changed("isTemplate"):
        options.append(f"IS_TEMPLATE {desired['isTemplate']}")
    return options
