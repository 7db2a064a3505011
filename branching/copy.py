"""Copies rows from the source to the snapshot, masked by the source itself: raw values never reach the target."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg
from psycopg import sql

from branching.connection import Connection
from branching.copy_reader import copy_to
from branching.errors import BuildFailedError
from branching.relations import MaterializedView, Table
from branching.relations import Sequence as DatabaseSequence
from branching.units import Unit

_CHUNK = 256 * 1024
"""Bytes that are gathered for one write."""

Sent = Callable[[int], None]
"""Told of each chunk's bytes before it is written; may wait, and may raise to end the copy."""


def copy_unit(source: Connection, target: Connection, unit: Unit, sent: Sent) -> int:
    """Copy a unit's rows and return how many they are.

    Raises:
        BuildFailedError: the target refuses a row, named by table and constraint; or fewer were written than read.
    """
    try:
        with target.transaction():
            return _copy(source, target, unit, sent)
    except psycopg.Error as error:
        # The server's own text quotes the row; only names may leave here.
        raise BuildFailedError(f"{unit.table.key}: {_without_values(error)}", _advice(error)) from None


def set_sequences(target: Connection, sequences: Sequence[DatabaseSequence]) -> None:
    """Put each sequence where the source's stands."""
    for one in sequences:
        name = sql.Identifier(one.schema, one.name).as_string(target)
        target.execute("SELECT setval(%s::regclass, %s, %s)", (name, one.last_value, one.is_called))


def refresh(target: Connection, views: Sequence[MaterializedView]) -> None:
    """Fill the materialized views from the masked rows, in the order given.

    Raises:
        BuildFailedError: a view's query fails.
    """
    for view in views:
        try:
            target.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(view.schema, view.name)))
        except psycopg.Error as error:
            raise BuildFailedError(f"materialized view {view.schema}.{view.name}: {_without_values(error)}") from None


def _copy(source: Connection, target: Connection, unit: Unit, sent: Sent) -> int:
    table = unit.table
    if not unit.columns:
        return _copy_empty_rows(source, target, table)
    if unit.frozen:
        # FREEZE asks for a file that nobody else can have seen.
        target.execute(sql.SQL("TRUNCATE ONLY {}").format(sql.Identifier(table.schema, table.name)))
    with target.cursor() as writer:
        with copy_to(source, unit.copy_out(), _CHUNK) as out, writer.copy(unit.copy_in()) as into:
            for chunk in out:
                sent(len(chunk))
                into.write(chunk)
        written = writer.rowcount
    if out.rows != written:
        raise BuildFailedError(f"{table.key}: {out.rows} rows were read and {written} written")
    return written


def _copy_empty_rows(source: Connection, target: Connection, table: Table) -> int:
    """A table without a column to copy still has a number of rows."""
    relation = sql.Identifier(table.schema, table.name)
    row = source.execute(sql.SQL("SELECT count(*) FROM ONLY {}").format(relation)).fetchone()
    count = int(str(row[0])) if row else 0
    for _ in range(count):
        target.execute(sql.SQL("INSERT INTO {} DEFAULT VALUES").format(relation))
    return count


def _without_values(error: psycopg.Error) -> str:
    diagnosis = error.diag
    names = (
        ("constraint", diagnosis.constraint_name),
        ("column", diagnosis.column_name),
        ("type", diagnosis.datatype_name),
    )
    where = ", ".join(f"{kind} {name}" for kind, name in names if name)
    return f"{type(error).__name__} ({error.sqlstate or 'no code'}){f' at {where}' if where else ''}"


def _advice(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.IntegrityError):
        return "a rule gives a value that this constraint refuses: choose another rule for its columns"
    return ""
