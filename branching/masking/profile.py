"""What a column's values are like, asked of a sample on the server itself: only counts leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from branching.connection import Connection
from branching.masking.column_types import is_text
from branching.relations import Column, Table

SAMPLE = 1000
"""Rows of a table that are looked at."""

_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_PHONE = r"^\+?[0-9][0-9 ().-]{6,18}[0-9]$"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Counts over a sample of one text column."""

    filled: int = 0
    """Values that are neither NULL nor empty."""
    distinct: int = 0
    longest: int = 0
    """Characters."""
    emails: int = 0
    phones: int = 0

    @property
    def mostly_emails(self) -> bool:
        return self.filled > 0 and 2 * self.emails > self.filled

    @property
    def mostly_phones(self) -> bool:
        # A number of an order looks like one too: names decide first, and this only where they say nothing.
        return self.filled > 0 and 10 * self.phones > 9 * self.filled

    @property
    def few_short(self) -> bool:
        """Whether it looks like a list of codes: many rows, few values, all short."""
        return self.filled >= 100 and self.distinct * 10 <= self.filled and self.longest <= 40


def profiles(connection: Connection, tables: Sequence[Table]) -> Mapping[tuple[str, str], Profile]:
    """The profile of each text column, by the key of its table and its name; partitions count for their topmost table.

    Raises:
        psycopg.errors.InsufficientPrivilege: the session may not read.
    """
    found = {}
    for table in tables:
        columns = [column for column in table.columns if is_text(column.base) and not column.generated]
        if table.root or not columns:
            continue
        counts = list(connection.execute(_query(table, columns)).fetchone() or ())
        for place, column in enumerate(columns):
            filled, distinct, longest, emails, phones = (
                int(str(one or 0)) for one in counts[5 * place : 5 * place + 5]
            )
            found[table.key, column.name] = Profile(
                filled=filled, distinct=distinct, longest=longest, emails=emails, phones=phones
            )
    return found


def _query(table: Table, columns: Sequence[Column]) -> sql.Composed:
    counts = sql.SQL(", ").join(
        sql.SQL(
            "count(nullif({c}, '')), count(DISTINCT {c}), max(length({c})),"
            " count(*) FILTER (WHERE {c} ~ {email}), count(*) FILTER (WHERE {c} ~ {phone})"
        ).format(c=sql.Identifier(f"c{place}"), email=sql.Literal(_EMAIL), phone=sql.Literal(_PHONE))
        for place in range(len(columns))
    )
    # As plain text: the operators of a citext lie in a schema that no session of ours looks into.
    chosen = sql.SQL(", ").join(
        sql.SQL("{}::text AS {}").format(sql.Identifier(column.name), sql.Identifier(f"c{place}"))
        for place, column in enumerate(columns)
    )
    relation = sql.Identifier(table.schema, table.name)
    return sql.SQL("SELECT {} FROM (SELECT {} FROM {} LIMIT {}) AS sample").format(
        counts, chosen, relation, sql.Literal(SAMPLE)
    )
