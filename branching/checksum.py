"""A checksum of a whole database: what a proof that nothing changed compares. Reads every row once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from branching import catalog as catalogs
from branching.checksum_queries import DEFINITIONS
from branching.connection import Connection, Server, connect
from branching.relations import Catalog, TableKind


@dataclass(frozen=True, kw_only=True)
class Checksum:
    """A database at one moment, reduced to digests. Two that are equal had equal rows, sequences and definitions."""

    database: str
    tables: Mapping[str, str]
    """By `schema.table`: number of rows and a digest that doesn't depend on their order."""
    sequences: Mapping[str, str]
    definitions: Mapping[str, str]
    """By kind: columns, constraints, indexes, functions, privileges, settings and so on."""

    @property
    def digest(self) -> str:
        """All of it in 64 hexadecimal digits."""
        content = [sorted(part.items()) for part in (self.tables, self.sequences, self.definitions)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def differences(self, other: Checksum) -> tuple[str, ...]:
        """What differs, by name: empty where the two are equal."""
        found = []
        for kind in ("tables", "sequences", "definitions"):
            mine, theirs = getattr(self, kind), getattr(other, kind)
            found += [f"{kind} {key}" for key in sorted({*mine, *theirs}) if mine.get(key) != theirs.get(key)]
        return tuple(found)


def of_database(server: Server, database: str) -> Checksum:
    """The checksum of `database` at one moment, read in one read-only transaction.

    Args:
        server: with a role that may read every row.
        database: which.

    Raises:
        psycopg.Error: it can't be read.
    """
    with connect(server, database, autocommit=False) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return of_connection(connection)


def of_connection(connection: Connection) -> Checksum:
    """The checksum of what the connection's transaction sees."""
    catalog = catalogs.read(connection)
    return Checksum(
        database=catalog.database,
        tables=_tables(connection, catalog),
        sequences={f"{one.schema}.{one.name}": f"{one.last_value}:{one.is_called}" for one in catalog.sequences},
        definitions={kind: _digest(connection, query) for kind, query in DEFINITIONS.items()},
    )


def _tables(connection: Connection, catalog: Catalog) -> dict[str, str]:
    relations = [(table.schema, table.name) for table in catalog.tables if table.kind is TableKind.ORDINARY]
    relations += [(view.schema, view.name) for view in catalog.materialized_views]
    return {f"{schema}.{name}": _rows(connection, sql.Identifier(schema, name)) for schema, name in relations}


def _rows(connection: Connection, relation: sql.Identifier) -> str:
    # Sums of two differently seeded 64-bit hashes: the order of the rows is lost, their number and equal rows are not.
    query = sql.SQL(
        """SELECT count(*) || ':' || COALESCE(sum(hashtextextended(t::text, 0)::numeric), 0)
                  || ':' || COALESCE(sum(hashtextextended(t::text, 1)::numeric), 0)
           FROM ONLY {} t"""
    )
    row = connection.execute(query.format(relation)).fetchone()
    return str(row[0]) if row else ""


def _digest(connection: Connection, query: sql.SQL) -> str:
    lines = sorted(json.dumps(row, default=str) for row in connection.execute(query).fetchall())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
