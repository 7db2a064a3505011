"""A few invented rows in each table of a copy that has none of the source's: for who may see no data at all.

The rows keep to the constraints that the copy already has. Where none can be found that does, the table stays empty and
is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from branching import synthetic_values as values
from branching.connection import Connection
from branching.synthetic_queries import COLUMNS, CONSTRAINTS
from branching.synthetic_values import Invented

ROWS = 3
"""A table."""
ATTEMPTS = 60
"""A row."""


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """What was made."""

    rows: Mapping[str, int]
    """By `schema.table`."""
    empty: Mapping[str, str]
    """Tables that no row was found for, with the constraint that refused the last one."""


@dataclass(frozen=True, kw_only=True)
class _Constraint:
    name: str
    table: str
    kind: str
    """As pg_constraint's contype."""
    columns: tuple[str, ...]
    other: str
    """The table that a foreign key refers to."""
    other_columns: tuple[str, ...]


@dataclass(frozen=True)
class _Table:
    key: str
    columns: tuple[Invented, ...]
    constraints: tuple[_Constraint, ...]

    @property
    def relation(self) -> sql.Identifier:
        schema, _, name = self.key.partition(".")
        return sql.Identifier(schema, name)

    @property
    def foreign_keys(self) -> tuple[_Constraint, ...]:
        return tuple(one for one in self.constraints if one.kind == "f")

    def needs(self) -> set[str]:
        """Tables that must have rows before it can have one."""
        strict = {column.name for column in self.columns if column.not_null}
        return {one.other for one in self.foreign_keys if strict.issuperset(one.columns)} - {self.key}


def fill(connection: Connection) -> Synthetic:
    """Invent rows for every table of the session's database. The session's role owns the tables.

    Triggers of the tables don't fire.
    """
    rows: dict[str, int] = {}
    empty: dict[str, str] = {}
    for table in _in_order(_tables(connection)):
        with connection.transaction():
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(table.relation))
            refused = ""
            rows[table.key] = 0
            for number in range(1, ROWS + 1):
                refused = _one_row(connection, table, number)
                if refused:
                    break
                rows[table.key] += 1
            if not rows[table.key]:
                empty[table.key] = refused
            connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(table.relation))
    return Synthetic(rows=rows, empty=empty)


def _one_row(connection: Connection, table: _Table, number: int) -> str:
    """Insert a row; the name of what refused the last attempt, or nothing."""
    tries: dict[str, int] = {}
    refused = ""
    for _ in range(ATTEMPTS):
        given = {column.name: column.value(number, tries.get(column.name, 0)) for column in table.columns}
        given |= _referring(connection, table, number, given)
        try:
            with connection.transaction():
                _insert(connection, table, given)
            return ""
        except (psycopg.errors.IntegrityError, psycopg.errors.DataError) as error:
            refused = error.diag.constraint_name or error.diag.column_name or type(error).__name__
            to_change = _to_change(table, error)
            if not to_change:
                return refused
            for name in to_change:
                tries[name] = tries.get(name, 0) + 1
    return refused


def _to_change(table: _Table, error: psycopg.Error) -> Sequence[str]:
    named = next((one for one in table.constraints if one.name == error.diag.constraint_name), None)
    if named is not None and named.kind != "f":
        return named.columns
    if error.diag.column_name:
        return [error.diag.column_name]
    # A value of the wrong form, or no partition for the row: nobody says which column.
    return [] if named is not None else [column.name for column in table.columns]


def _referring(
    connection: Connection, table: _Table, number: int, given: Mapping[str, values.Value]
) -> dict[str, values.Value]:
    """Values of the foreign keys' columns: those of a row that is there, the row's own, or NULL."""
    found: dict[str, values.Value] = {}
    for key in table.foreign_keys:
        columns = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in key.other_columns)
        schema, _, name = key.other.partition(".")
        row = connection.execute(
            sql.SQL("SELECT {} FROM {} ORDER BY 1 OFFSET {} % greatest((SELECT count(*) FROM {}), 1) LIMIT 1").format(
                columns, sql.Identifier(schema, name), sql.Literal(number - 1), sql.Identifier(schema, name)
            )
        ).fetchone()
        if row is None and key.other == table.key:
            row = tuple(given.get(name) for name in key.other_columns)
        found |= dict(zip(key.columns, map(_plain, row or [None] * len(key.columns)), strict=True))
    return found


def _plain(value: object) -> values.Value:
    return value if value is None or value is values.DEFAULT else str(value)


def _insert(connection: Connection, table: _Table, given: Mapping[str, values.Value]) -> None:
    types = {column.name: column.type for column in table.columns}
    chosen = {name: value for name, value in given.items() if value is not values.DEFAULT}
    if not chosen:
        connection.execute(sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table.relation))
        return
    shown = sql.SQL(", ").join(
        sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(types[name])) for name, value in chosen.items()
    )
    names = sql.SQL(", ").join(map(sql.Identifier, chosen))
    connection.execute(sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(table.relation, names, shown))


def _tables(connection: Connection) -> list[_Table]:
    with connection.cursor(row_factory=class_row(_Constraint)) as cursor:
        constraints = cursor.execute(CONSTRAINTS).fetchall()
    columns: dict[str, list[Invented]] = {}
    for key, *fields in connection.execute(COLUMNS).fetchall():
        found = columns.setdefault(str(key), [])
        if fields[0] is not None:
            found.append(Invented.of(fields))
    return [
        _Table(key, tuple(found), tuple(one for one in constraints if one.table == key))
        for key, found in columns.items()
    ]


def _in_order(tables: Sequence[_Table]) -> Iterator[_Table]:
    """Each after those that it refers to, as far as they don't refer to each other."""
    left = {table.key: table for table in tables}
    while left:
        ready = [table for table in left.values() if not table.needs() & left.keys()] or list(left.values())[:1]
        for table in ready:
            yield left.pop(table.key)
