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
from branching.sink import Sinks, refusals, without_values
from branching.units import Unit

_CHUNK = 256 * 1024
"""Bytes that are gathered for one write."""

Sent = Callable[[int], None]
"""Told of each chunk's bytes before it is written; may wait, and may raise to end the copy."""


def copy_unit(source: Connection, sinks: Sinks, unit: Unit, sent: Sent) -> None:
    """Copy a unit's rows.

    Raises:
        BuildFailedError: the target refuses a row, named by table and constraint; or fewer were written than read.
    """
    if not unit.columns:
        sinks.fill_without_columns(unit, _count(source, unit.table))
        return
    sink = sinks.of(unit)
    with refusals(unit.table), copy_to(source, unit.copy_out(), _CHUNK, binary=unit.binary) as out:
        for chunk in out:
            sent(len(chunk))
            sink.write(chunk)
    sinks.done(unit, out.rows)


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
            raise BuildFailedError(f"materialized view {view.schema}.{view.name}: {without_values(error)}") from None


def _count(source: Connection, table: Table) -> int:
    relation = sql.Identifier(table.schema, table.name)
    row = source.execute(sql.SQL("SELECT count(*) FROM ONLY {}").format(relation)).fetchone()
    return int(str(row[0])) if row else 0
