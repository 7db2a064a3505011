"""A grant as SQL, and what the catalog says of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tools.plugins.postgresql import catalog
from tools.plugins.postgresql.catalog import quoted
from tools.plugins.postgresql.privileges import same
from tools.plugins.values import Properties

if TYPE_CHECKING:
    from tools.plugins.postgresql.connection import Connection

_PER_OBJECT = {
    "database": "SELECT datacl FROM pg_database WHERE datname = %s",
    "schema": "SELECT nspacl FROM pg_namespace WHERE nspname = %s",
    "foreign_data_wrapper": "SELECT fdwacl FROM pg_foreign_data_wrapper WHERE fdwname = %s",
    "foreign_server": "SELECT srvacl FROM pg_foreign_server WHERE srvname = %s",
}
_NOTHING = "SELECT NULL"


def grant(values: Properties) -> str:
    """The GRANT."""
    option = " WITH GRANT OPTION" if values["withGrantOption"] else ""
    what = ", ".join(values["privileges"])
    if values["objectType"] == "column":
        what += f" ({', '.join(map(quoted, values['columns']))})"
    return f"GRANT {what} ON {_target(values)} TO {quoted(values['role'])}{option}"


def revoke(values: Properties) -> str:
    """The REVOKE of what a grant may have given.

    On named tables only the privileges that it names: ALL would take the grants on single columns away, too.
    """
    kind, named = values["objectType"], values["privileges"]
    what = "ALL PRIVILEGES"
    if kind == "column":
        if not named or not values["columns"]:
            return _NOTHING
        what = f"{', '.join(named)} ({', '.join(map(quoted, values['columns']))})"
    elif kind not in _PER_OBJECT and values["objects"] and named:
        what = ", ".join(named)
    return f"REVOKE {what} ON {_target(values)} FROM {quoted(values['role'])}"


def _target(values: Properties) -> str:
    kind, schema, objects = values["objectType"], values["schema"], values["objects"]
    if kind == "database":
        return f"DATABASE {quoted(values['database'])}"
    if kind == "schema":
        return f"SCHEMA {quoted(schema)}"
    if kind in _PER_OBJECT:
        return f"{kind.upper().replace('_', ' ')} {quoted(objects[0])}"
    word = "TABLE" if kind == "column" else kind.upper()
    if objects:
        return f"{word} {', '.join(f'{quoted(schema)}.{_object(name)}' for name in objects)}"
    return f"ALL {word}S IN SCHEMA {quoted(schema)}"


def _object(name: str) -> str:
    """An object's name; a function's may carry its argument types, which must not be quoted."""
    plain, bracket, arguments = name.partition("(")
    return quoted(plain) + bracket + arguments


def deviation(connection: Connection, values: Properties) -> Properties:
    """The outputs that differ from what is wanted: none where all is as it should be."""
    kind, version = values["objectType"], connection.info.server_version
    if kind == "column":
        return _column_deviation(connection, values)
    for found in _found(connection, values):
        if not same(kind, values["privileges"], found, version):
            return {"privileges": sorted(set(found))}
    return {}


def _found(connection: Connection, values: Properties) -> Iterable[list[str]]:
    """The role's privileges, object by object."""
    grantee = catalog.role_oid(connection, values["role"])
    kind = values["objectType"]
    if kind in _PER_OBJECT:
        name = values["objects"][0] if values["objects"] else values[kind]
        acl = _PER_OBJECT[kind]
        query = f"SELECT privilege_type FROM aclexplode(({acl})) WHERE grantee = %s"
        return [[row[0] for row in connection.execute(query.encode(), (name, grantee))]]
    routine = kind in {"function", "procedure", "routine"}
    relkind = () if routine else ("S" if kind == "sequence" else "r",)
    parameters = (grantee, values["schema"], *relkind)
    rows = connection.execute(_ROUTINES if routine else _RELATIONS, parameters).fetchall()
    names = set(values["objects"])
    return [granted for name, granted in rows if not names or name in names]


_RELATIONS = b"""
SELECT relname::text, ARRAY(SELECT privilege_type FROM aclexplode(relacl) WHERE grantee = %s)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = %s AND relkind = %s
ORDER BY relname
"""
# Functions that share a name are taken together, as upstream does: `objects` may name all of them at once.
_ROUTINES = b"""
SELECT proname::text, array_remove(array_agg(privilege_type), NULL)
FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
LEFT JOIN LATERAL (SELECT privilege_type FROM aclexplode(proacl) WHERE grantee = %s) AS granted ON true
WHERE nspname = %s
GROUP BY proname ORDER BY proname
"""
_COLUMN = b"""
SELECT attname::text
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace,
     LATERAL aclexplode(attacl)
WHERE nspname = %s AND relname = %s AND relkind = 'r' AND grantee = %s AND privilege_type = %s
"""


def _column_deviation(connection: Connection, values: Properties) -> Properties:
    """The columns that still have the privilege, where some no longer do."""
    grantee = catalog.role_oid(connection, values["role"])
    parameters = (values["schema"], values["objects"][0], grantee, values["privileges"][0])
    found = {row[0] for row in connection.execute(_COLUMN, parameters)}
    kept = [column for column in values["columns"] if column in found]
    return {} if kept == values["columns"] else {"columns": kept}
