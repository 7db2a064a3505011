"""How far a restored server came, by what it says itself; and whether its databases can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from restoring.segments import history
from restoring.verdict import Heartbeat, Reached

if TYPE_CHECKING:
    import psycopg

MAINTENANCE = "socle"
"""The database with the heartbeat."""

_HEARTBEAT = "SELECT at, position::text FROM socle.heartbeat WHERE archive = %s"
_HISTORY = r"""
SELECT pg_read_file('pg_wal/' || name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{8}\.history$'
ORDER BY name DESC LIMIT 1
"""
_TABLES = """
SELECT quote_ident(nspname) || '.' || quote_ident(relname)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'm') AND relpersistence = 'p' AND relispopulated
  AND nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY 1
"""


def connect(database: str, parameters: Mapping[str, Any]) -> psycopg.Connection[Any]:
    """A session in `database`, each statement committed at once. What `parameters` leaves out libpq takes from PG*."""
    import psycopg

    return psycopg.connect(dbname=database, autocommit=True, **parameters)


def reached(server_name: str, parameters: Mapping[str, Any]) -> Reached:
    """How far the server came. Raises psycopg.Error where it can't be asked; needs the rights of a superuser."""
    from psycopg import errors

    with connect("postgres", parameters) as session:
        found = session.execute(_HISTORY).fetchone()
    try:
        with connect(MAINTENANCE, parameters) as session:
            row = session.execute(_HEARTBEAT, (server_name,)).fetchone()
    except (errors.InvalidCatalogName, errors.UndefinedTable, errors.InvalidSchemaName):
        row = None
    except errors.OperationalError as error:
        # libpq has no class for a database that isn't there when it connects.
        if f'"{MAINTENANCE}" does not exist' not in str(error):
            raise
        row = None
    return Reached(
        heartbeat=Heartbeat(at=row[0], position=row[1]) if row else None, lefts=history(found[0]) if found else ()
    )


def unreadable(database: str, query: str, parameters: Mapping[str, Any]) -> str:
    """What is wrong with a database; empty where every table was read from end to end and `query` answered true.

    Reading checks the checksum of every page of the tables. Indexes and what is stored out of line are not read.
    """
    import psycopg

    try:
        with connect(database, parameters) as session:
            for setting in ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"):
                session.execute(f"SET {setting} = off")
            for (table,) in session.execute(_TABLES).fetchall():
                session.execute(f"SELECT count(*) FROM {table}")
            answer = session.execute(query).fetchone() if query else (True,)
    except psycopg.Error as error:
        return f"{database}: {str(error).strip().splitlines()[0]}"
    return "" if answer and answer[0] is True else f"{database}: {query} answered {answer[0] if answer else 'nothing'}"
