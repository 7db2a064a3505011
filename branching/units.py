"""Cuts the tables into what one session copies at a time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from branching.masking import masks
from branching.masking.column_types import travels_in_binary
from branching.masking.rules import Classification, MaskedColumn
from branching.relations import Catalog, Table, TableKind

RANGE_BYTES = 256 * 1024 * 1024
"""Size of a range. A larger table is cut into several, so that its last rows aren't one session's alone to copy."""
FROZEN_BYTES = 1024 * 1024
"""From here on a table's rows are frozen as they are written, which VACUUM would otherwise write once more. It takes a
new file, too much for a small table."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A table, or a range of its blocks."""

    table: Table
    columns: tuple[MaskedColumn, ...]
    first_block: int = 0
    end_block: int | None = None
    """The first block after the range; None where the range has no end: a table may have grown."""
    bytes: int

    @property
    def whole(self) -> bool:
        """Whether it is all of its table."""
        return self.first_block == 0 and self.end_block is None

    @property
    def frozen(self) -> bool:
        """Whether its table's rows are written as frozen."""
        return self.table.bytes >= FROZEN_BYTES

    @property
    def binary(self) -> bool:
        """Whether its values travel as the server keeps them, which spares both ends the text."""
        return all(travels_in_binary(masked.column.base) for masked in self.columns)

    def copy_out(self) -> sql.Composed:
        """The COPY that the source runs."""
        chosen = sql.SQL(", ").join(masks.value(masked.rule, masked.column) for masked in self.columns)
        relation = sql.Identifier(self.table.schema, self.table.name)
        query = sql.SQL("SELECT {} FROM ONLY {}{}").format(chosen, relation, self._range())
        return sql.SQL("COPY ({}) TO STDOUT{}").format(query, _options(binary=self.binary))

    def copy_in(self) -> sql.Composed:
        """The COPY that the snapshot runs."""
        names = sql.SQL(", ").join(sql.Identifier(masked.column.name) for masked in self.columns)
        relation = sql.Identifier(self.table.schema, self.table.name)
        options = _options(binary=self.binary, freeze=self.frozen)
        return sql.SQL("COPY {} ({}) FROM STDIN{}").format(relation, names, options)

    def _range(self) -> sql.Composable:
        if self.whole:
            return sql.SQL("")
        bounds = [sql.SQL("ctid >= {}").format(_start_of(self.first_block))]
        bounds += [] if self.end_block is None else [sql.SQL("ctid < {}").format(_start_of(self.end_block))]
        return sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(bounds))


def with_rows(catalog: Catalog) -> list[Table]:
    """The tables to copy, the largest first."""
    tables = [table for table in catalog.tables if table.kind is TableKind.ORDINARY]
    return sorted(tables, key=lambda table: (-table.bytes, table.key))


def cut(tables: Sequence[Table], classification: Classification, *, sessions: int) -> list[Unit]:
    """The units of those tables that are classified, for so many sessions, in the order in which to begin them."""
    return [
        unit
        for table in tables
        if table.key in classification
        for unit in _units(table, classification[table.key], sessions)
    ]


def _units(table: Table, columns: tuple[MaskedColumn, ...], sessions: int) -> Iterator[Unit]:
    ranges = min(-(-table.bytes // RANGE_BYTES), table.blocks)
    across = any(masked.rule.across_rows for masked in columns)
    if sessions == 1 or ranges <= 1 or across or not columns:
        yield Unit(table=table, columns=columns, bytes=table.bytes)
        return
    starts = [table.blocks * number // ranges for number in range(ranges)]
    ends: list[int | None] = [*starts[1:], None]
    for first, end in zip(starts, ends, strict=True):
        yield Unit(table=table, columns=columns, first_block=first, end_block=end, bytes=table.bytes // ranges)


def _start_of(block: int) -> sql.Composed:
    return sql.SQL("{}::tid").format(sql.Literal(f"({block},0)"))


def _options(*, binary: bool, freeze: bool = False) -> sql.SQL:
    words = [word for word, wanted in (("FORMAT binary", binary), ("FREEZE", freeze)) if wanted]
    return sql.SQL(f" WITH ({', '.join(words)})" if words else "")
