"""What one session copies at a time, and with which statements."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from branching.masking.column_types import travels_in_binary
from branching.masking.masks import Keep, Null, Shuffle
from branching.masking.rules import MaskedColumn
from branching.relations import Column, Table, TableKind
from branching.units import FROZEN_BYTES, RANGE_BYTES, Unit, cut

ID = MaskedColumn(column=Column(name="id", type="bigint"), rule=Keep())
MOOD = MaskedColumn(column=Column(name="mood", type="public.mood"), rule=Keep())
SHUFFLED = MaskedColumn(column=Column(name="town", type="text"), rule=Shuffle())


def text(statement: sql.Composable) -> str:
    return re.sub(r"\s+", " ", statement.as_string(None)).strip()


def table(*, size: int = 0, blocks: int | None = None) -> Table:
    blocks = size // 8192 if blocks is None else blocks
    return Table(schema="public", name="t", kind=TableKind.ORDINARY, columns=(), bytes=size, blocks=blocks)


def units(size: int, *columns: MaskedColumn, sessions: int = 2, blocks: int | None = None) -> list[Unit]:
    one = table(size=size, blocks=blocks)
    return cut([one], {one.key: columns}, sessions=sessions)


def test_a_masked_column_is_never_named_where_the_source_is_read() -> None:
    odd = Table(schema="public", name='Odd "t"', kind=TableKind.ORDINARY, columns=())
    columns = (
        MaskedColumn(column=Column(name="Code", type="public.code"), rule=Keep()),
        MaskedColumn(column=Column(name="phone", type="text"), rule=Null()),
    )
    [unit] = cut([odd], {odd.key: columns}, sessions=2)
    assert text(unit.copy_out()) == 'COPY (SELECT "Code", (NULL)::text FROM ONLY "public"."Odd ""t""") TO STDOUT'
    assert text(unit.copy_in()) == 'COPY "public"."Odd ""t""" ("Code", "phone") FROM STDIN'


def test_a_table_of_plain_types_travels_in_binary_and_a_large_one_is_frozen() -> None:
    [small] = units(FROZEN_BYTES - 1, ID)
    [large] = units(FROZEN_BYTES, ID)
    [mixed] = units(FROZEN_BYTES, ID, MOOD)
    assert text(small.copy_in()) == 'COPY "public"."t" ("id") FROM STDIN WITH (FORMAT binary)'
    assert text(large.copy_in()) == 'COPY "public"."t" ("id") FROM STDIN WITH (FORMAT binary, FREEZE)'
    assert text(mixed.copy_in()) == 'COPY "public"."t" ("id", "mood") FROM STDIN WITH (FREEZE)'
    assert text(mixed.copy_out()) == 'COPY (SELECT "id", "mood" FROM ONLY "public"."t") TO STDOUT'


@given(st.integers(1, 40 * RANGE_BYTES), st.integers(1, 32))
def test_ranges_are_all_of_the_table_and_none_twice(size: int, sessions: int) -> None:
    found = units(size, ID, sessions=sessions)
    ends = [unit.end_block for unit in found]
    assert [unit.first_block for unit in found] == [0, *ends[:-1]]
    assert ends[-1] is None
    assert all(unit.end_block is None or unit.end_block > unit.first_block for unit in found)
    assert len(found) == 1 if sessions == 1 else len(found) <= -(-size // RANGE_BYTES)
    assert all(unit.whole == (len(found) == 1) for unit in found)
    assert sum(unit.bytes for unit in found) <= size


def test_a_range_has_no_rows_of_its_neighbours() -> None:
    first, last = units(2 * RANGE_BYTES, ID)
    half = 2 * RANGE_BYTES // 8192 // 2
    assert text(first.copy_out()).endswith(
        f"WHERE ctid >= '(0,0)'::tid AND ctid < '({half},0)'::tid) TO STDOUT WITH (FORMAT binary)"
    )
    assert text(last.copy_out()).endswith(f"WHERE ctid >= '({half},0)'::tid) TO STDOUT WITH (FORMAT binary)")


def test_what_reads_other_rows_reads_the_table_at_once() -> None:
    assert len(units(5 * RANGE_BYTES, ID)) == 5
    assert len(units(5 * RANGE_BYTES, ID, SHUFFLED)) == 1
    assert len(units(5 * RANGE_BYTES)) == 1, "no column: rows are only counted"
    assert len(units(5 * RANGE_BYTES, ID, blocks=3)) == 3, "TOAST is large, the table is not"


@pytest.mark.parametrize(
    "type_",
    ["integer", "character varying(20)", "timestamp(3) with time zone", "numeric(10,2)", "numeric(3,-2)", "uuid[]",
     "character varying(20)[]", "double precision", "bit varying(5)", "int8multirange", "jsonb"],
)  # fmt: skip
def test_builtin_types_travel_in_binary(type_: str) -> None:
    assert travels_in_binary(type_)


@pytest.mark.parametrize("type_", ["regclass", "public.mood", "public.text", "mood[]", "money", "xml", '"char"', "oid"])
def test_types_whose_form_depends_on_the_database_do_not(type_: str) -> None:
    assert not travels_in_binary(type_)
