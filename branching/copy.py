"""Streams rows from the source to the snapshot, masked by the source itself: raw values never reach the target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from branching import masks
from branching.connection import Connection
from branching.errors import BuildFailedError
from branching.relations import Catalog, MaterializedView, Table, TableKind
from branching.relations import Sequence as DatabaseSequence
from branching.rules import Classification, MaskedColumn

_CHUNK = 256 * 1024
"""Bytes that are gathered for one write: a row at a time would spend more on calls than on rows."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a build is."""

    phase: str
    """`schema`, `rows`, `indexes`, `vacuum`, `verify` or `publish`."""
    table: str = ""
    rows: int = 0
    """Of this table, once it is done."""
    bytes: int = 0
    """Streamed of this table so far."""
    table_bytes: int = 0
    """This table's size on the source's disk, for a bar."""


ProgressCallback = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """The callback for nobody."""


def tables_with_rows(catalog: Catalog) -> list[Table]:
    """The tables to stream, the largest first. Pure."""
    tables = [table for table in catalog.tables if table.kind is TableKind.ORDINARY]
    return sorted(tables, key=lambda table: (-table.bytes, table.key))


def copy_out(table: Table, columns: Sequence[MaskedColumn]) -> sql.Composed:
    """The COPY that the source runs. Pure."""
    chosen = sql.SQL(", ").join(masks.value(masked.rule, masked.column) for masked in columns)
    relation = sql.Identifier(table.schema, table.name)
    return sql.SQL("COPY (SELECT {} FROM ONLY {}) TO STDOUT").format(chosen, relation)


def copy_in(table: Table, columns: Sequence[MaskedColumn]) -> sql.Composed:
    """The COPY that the snapshot runs. Pure."""
    names = sql.SQL(", ").join(sql.Identifier(masked.column.name) for masked in columns)
    return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.schema, table.name), names)


def stream(
    source: Connection,
    target: Connection,
    tables: Sequence[Table],
    classification: Classification,
    progress: ProgressCallback = ignore,
) -> dict[str, int]:
    """Copy the tables' rows.

    Returns:
        The rows of each table, by key.

    Raises:
        BuildFailedError: the target refuses a row, named by table and constraint.
    """
    rows = {}
    for table in tables:
        columns = classification[table.key]
        try:
            rows[table.key] = _stream_one(source, target, table, columns, progress)
        except psycopg.Error as error:
            # The server's own text quotes the row; only names may leave here.
            raise BuildFailedError(f"{table.key}: {_without_values(error)}", _advice(error)) from None
    return rows


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


def _stream_one(
    source: Connection,
    target: Connection,
    table: Table,
    columns: Sequence[MaskedColumn],
    progress: ProgressCallback,
) -> int:
    if not columns:
        return _stream_empty_rows(source, target, table)
    sent = 0
    buffer = bytearray()
    progress(Progress(phase="rows", table=table.key, table_bytes=table.bytes))
    with source.cursor() as reader, target.cursor() as writer:
        with reader.copy(copy_out(table, columns)) as out, writer.copy(copy_in(table, columns)) as into:
            for block in out:
                buffer += block
                if len(buffer) >= _CHUNK:
                    into.write(bytes(buffer))
                    sent += len(buffer)
                    buffer.clear()
                    progress(Progress(phase="rows", table=table.key, bytes=sent, table_bytes=table.bytes))
            into.write(bytes(buffer))
        read, written = reader.rowcount, writer.rowcount
    if read != written:
        raise BuildFailedError(f"{table.key}: {read} rows were read and {written} written")
    size = max(table.bytes, sent + len(buffer))
    progress(Progress(phase="rows", table=table.key, rows=written, bytes=size, table_bytes=table.bytes))
    return written


def _stream_empty_rows(source: Connection, target: Connection, table: Table) -> int:
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
