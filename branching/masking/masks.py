"""How one column's values are made while they stream: each mask is an expression that the source computes. Pure.

What a salted mask needs is a secret that it can't be computed without, or a list of known values would undo it. It
is one of the settings that a session begins with, so that no statement, and no log of statements, has it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Protocol

from psycopg import sql

from branching.masking.column_types import is_day, is_moment, is_text, limit
from branching.relations import Column

SALT = "socle.salt"
"""The name of the setting."""
HASH_LENGTH = 32
"""Characters of a hashed text, where the column takes as many: 128 bits."""
SHORTEST_HASH = 12
SHORTEST_UNIQUE_HASH = 16
"""Characters: two of a million rows are the same with a chance of 1 in 37 million."""


class Rule(Protocol):
    """How one column's values are made while they stream."""

    @property
    def word(self) -> str:
        """As the file writes it, parameters included."""

    @property
    def kind(self) -> str:
        """The word without parameters."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Other columns of the table that the expression reads."""

    @property
    def salted(self) -> bool:
        """Whether the expression reads the salt."""

    @property
    def across_rows(self) -> bool:
        """Whether the expression reads other rows, so that the table has to be read at once."""

    def expression(self, column: Column) -> sql.Composable:
        """What the source is asked for in the column's place. NULL stays NULL."""

    def refusal(self, column: Column) -> str:
        """Why the rule can't serve this column, or nothing."""


def digest(what: sql.Composable) -> sql.Composed:
    """128 bits of the SHA-256 of the salt and a text, as 32 hexadecimal digits."""
    # As a subquery, which the server computes once and not for each row.
    text = sql.SQL("(SELECT current_setting({}) || ':') || {}").format(sql.Literal(SALT), what)
    return sql.SQL("encode(substr(sha256(convert_to({}, 'UTF8')), 1, 16), 'hex')").format(text)


def number(what: sql.Composable, below: int) -> sql.Composed:
    """A number from 0 to `below` - 1, the same for the same text."""
    return sql.SQL("(('x' || substr({}, 1, 12))::bit(48)::bigint % {})").format(digest(what), sql.Literal(below))


def as_text(column: Column) -> sql.Composed:
    """The value as text; values that the type takes for equal become the same text."""
    text = sql.SQL("{}::text").format(sql.Identifier(column.name))
    return sql.SQL("lower({})").format(text) if column.base.endswith("citext") else text


@dataclass(frozen=True)
class Keep:
    """The value as it is."""

    word: str = "keep"
    kind: str = "keep"
    needs: tuple[str, ...] = ()
    salted: bool = False
    across_rows: bool = False

    def expression(self, column: Column) -> sql.Composable:
        return sql.Identifier(column.name)

    def refusal(self, column: Column) -> str:  # noqa: ARG002 - the protocol's
        return ""


@dataclass(frozen=True)
class Null:
    """NULL for every row."""

    word: str = "null"
    kind: str = "null"
    needs: tuple[str, ...] = ()
    salted: bool = False
    across_rows: bool = False

    def expression(self, column: Column) -> sql.Composable:  # noqa: ARG002 - the protocol's
        return sql.SQL("NULL")

    def refusal(self, column: Column) -> str:
        if column.primary_key:
            return "is part of the primary key, which takes no null"
        if column.not_null:
            return "is NOT NULL"
        return _placed(column)


@dataclass(frozen=True)
class Constant:
    """One value for all rows that have one."""

    value: str
    kind: str = "constant"
    needs: tuple[str, ...] = ()
    salted: bool = False
    across_rows: bool = False

    @property
    def word(self) -> str:
        return f"{{constant: {json.dumps(self.value, ensure_ascii=False)}}}"

    def expression(self, column: Column) -> sql.Composable:
        name, value = sql.Identifier(column.name), sql.Literal(self.value)
        return sql.SQL("CASE WHEN {} IS NULL THEN NULL ELSE {} END").format(name, _as(column, value))

    def refusal(self, column: Column) -> str:
        size = limit(column.base)
        if size is not None and is_text(column.base) and len(self.value) > size:
            return f"is {column.type}, too short for the value"
        return "is unique" if column.unique else _placed(column)


@dataclass(frozen=True)
class Hash:
    """A value that tells nothing, the same for the same value in every table: joins still work."""

    word: str = "hash"
    kind: str = "hash"
    needs: tuple[str, ...] = ()
    salted: bool = True
    across_rows: bool = False

    def expression(self, column: Column) -> sql.Composable:
        hashed = digest(as_text(column))
        if column.base == "uuid":
            return sql.SQL("{}::uuid").format(hashed)
        if column.base == "bigint":
            return sql.SQL("(('x' || substr({}, 1, 16))::bit(64)::bigint & 9223372036854775807)").format(hashed)
        length = self._length(column)
        return hashed if length == HASH_LENGTH else sql.SQL("left({}, {})").format(hashed, sql.Literal(length))

    def refusal(self, column: Column) -> str:
        if column.base not in ("uuid", "bigint") and not is_text(column.base):
            return f"is {column.type}, and a hash is text, uuid or bigint"
        if is_text(column.base) and self._length(column) < (SHORTEST_UNIQUE_HASH if column.unique else SHORTEST_HASH):
            return f"is {column.type}, too short for a hash"
        return _placed(column)

    @staticmethod
    def _length(column: Column) -> int:
        return min(HASH_LENGTH, limit(column.base) or HASH_LENGTH)


@dataclass(frozen=True)
class Shift:
    """Dates moved by 1 to `days` days, earlier or later: all alike, or all of one value of `by` alike."""

    days: int = 90
    by: str = ""
    kind: str = "shift"
    salted: bool = True
    across_rows: bool = False

    @property
    def word(self) -> str:
        return f"{{shift: {{days: {self.days}{f', by: {self.by}' if self.by else ''}}}}}"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.by,) if self.by else ()

    def expression(self, column: Column) -> sql.Composable:
        # Without a value to go by, a date of no one is moved like all the others.
        of = sql.SQL("coalesce({}::text, '')").format(sql.Identifier(self.by)) if self.by else sql.SQL("''")
        step = sql.SQL("({} - {})").format(
            number(sql.SQL("'shift:' || {}").format(of), 2 * self.days), sql.Literal(self.days)
        )
        # Never by nothing: from 0 on, one more.
        moved = sql.SQL("({0} + CASE WHEN {0} >= 0 THEN 1 ELSE 0 END)::int").format(step)
        name = sql.Identifier(column.name)
        if is_day(column.base):
            return sql.SQL("({} + {})").format(name, moved)
        return sql.SQL("({} + make_interval(days => {}))").format(name, moved)

    def refusal(self, column: Column) -> str:
        if not is_day(column.base) and not is_moment(column.base):
            return f"is {column.type}, which is no date"
        if column.unique and self.by:
            return "is unique, and two rows could be moved to one date"
        return _placed(column)


@dataclass(frozen=True)
class Shuffle:
    """The table's own values, each at another row (of the same value of `within`); NULL stays where it is.

    The values themselves are real. A value that is alone in its group becomes NULL, or stays where the column takes
    no NULL or another table may refer to it.
    """

    within: str = ""
    kind: str = "shuffle"
    salted: bool = True
    across_rows: bool = True

    @property
    def word(self) -> str:
        return f"{{shuffle: {{within: {self.within}}}}}" if self.within else "shuffle"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.within,) if self.within else ()

    def expression(self, column: Column) -> sql.Composable:
        name = sql.Identifier(column.name)
        group = sql.SQL("PARTITION BY {} IS NULL").format(name)
        group = sql.SQL("{}, {}").format(group, sql.Identifier(self.within)) if self.within else group
        order = sql.SQL("({} ORDER BY {}, ctid)").format(group, digest(sql.SQL("ctid::text")))
        alone = name if column.not_null or column.unique else sql.SQL("NULL")
        # In a secret order, each row takes the next one's value and the last one the first's: none keeps its own.
        return sql.SQL(
            "CASE WHEN count(*) OVER ({group}) = 1 THEN {alone}"
            " WHEN row_number() OVER {order} = count(*) OVER ({group}) THEN first_value({name}) OVER {order}"
            " ELSE lead({name}) OVER {order} END"
        ).format(group=group, alone=alone, order=order, name=name)

    def refusal(self, column: Column) -> str:
        return _placed(column)


@dataclass(frozen=True)
class Expression:
    """Whatever SQL the file gives, over the row's columns."""

    text: str
    kind: str = "sql"
    needs: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        return f"{{sql: {json.dumps(self.text, ensure_ascii=False)}}}"

    @property
    def salted(self) -> bool:
        return SALT in self.text

    @property
    def across_rows(self) -> bool:
        return re.search(r"\bover\b", self.text, re.IGNORECASE) is not None

    def expression(self, column: Column) -> sql.Composable:
        # On lines of its own, so that a comment in it ends with it.
        return _as(column, sql.SQL("\n{}\n").format(_written(self.text)))

    def refusal(self, column: Column) -> str:  # noqa: ARG002 - the protocol's
        return ""


def value(rule: Rule, column: Column) -> sql.Composable:
    """What the source is asked for in the column's place, of the column's own type."""
    expression = rule.expression(column)
    return expression if isinstance(rule, Keep) else _as(column, expression)


def agree(rule: Rule, column: Column, of: Rule, referenced: Column) -> bool:
    """Whether masked values of `column` are among those of the column that it refers to."""
    if isinstance(rule, Null):
        return True
    if isinstance(rule, Keep | Shuffle):
        return isinstance(of, Keep | Shuffle)
    one, other = (replace(each, name="v") for each in (column, referenced))
    return type(rule) is type(of) and bool(rule.expression(one) == of.expression(other))


def _as(column: Column, expression: sql.Composable) -> sql.Composed:
    return sql.SQL("({})::{}").format(expression, _written(column.type))


def _written(text: str) -> sql.SQL:
    """SQL that somebody wrote already: the server (format_type) or the rules file."""
    return sql.SQL(text)


def _placed(column: Column) -> str:
    return "decides a row's partition" if column.partition_key else ""
