"""Values for invented rows, by a column's type and by what its checks say. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from branching.masking.column_types import is_text, limit


class _Default:
    """The column's own default."""


DEFAULT: Final = _Default()
Value = str | None | _Default

_OF_TYPE: tuple[tuple[str, str], ...] = (
    (r"boolean", "true"),
    (r"smallint|integer|bigint|oid|money|double precision|real|numeric", "{n}"),
    (r"uuid", "00000000-0000-4000-8000-{n:012d}"),
    (r"date", "2026-01-{d:02d}"),
    (r"timestamp", "2026-01-{d:02d} 12:00:00"),
    (r"time", "12:{m:02d}:00"),
    (r"interval", "{n} days"),
    (r"jsonb?", "{{}}"),
    (r"bytea", "\\x{h:02x}"),
    (r"xml", "<row>{n}</row>"),
    (r"inet|cidr", "192.0.2.{h}"),
    (r"macaddr8", "08:00:2b:01:02:03:04:{h:02x}"),
    (r"macaddr", "08:00:2b:01:02:{h:02x}"),
    (r"(int4|int8|num)range", "[{n},{n})"),
    (r"(int4|int8|num)multirange", "{{}}"),
    (r"point", "({n},{n})"),
    (r"tsvector", ""),
    (r"pg_lsn", "0/{h:x}"),
)
"""The start of a type's name, and a value of it; `n` counts, `d`, `m` and `h` stay within a month, an hour, a byte."""
_TEXTS = (
    "{name} {n}",
    "user-{n}@example.org",
    "{n:05d}",
    "{n}",
    "{upper}",
    "{lower}",
    "https://example.org/{n}",
    "+33199000{h:03d}",
    "2026-01-{d:02d}",
    "00000000-0000-4000-8000-{n:012d}",
    "A{n}",
    "x",
    "0",
    "",
)
_FEW = 40
"""Values that are tried of one kind."""


@dataclass(frozen=True, kw_only=True)
class Invented:
    """A column of a table that gets invented rows."""

    name: str
    type: str
    base: str
    not_null: bool
    has_default: bool
    labels: tuple[str, ...]
    """Of an enumeration."""
    hints: tuple[str, ...]
    """Texts and numbers that its checks and its partitions' bounds name."""

    @classmethod
    def of(cls, row: Sequence[Any]) -> Invented:
        """From a row of `synthetic_queries.COLUMNS`, without the table."""
        name, type_, base, not_null, has_default, labels, texts, numbers = row
        hints = tuple(dict.fromkeys(text.replace("''", "'") for text in (*texts, *numbers)))
        return cls(name=name, type=type_, base=base, not_null=not_null, has_default=has_default,
                   labels=tuple(labels), hints=hints)  # fmt: skip

    def value(self, number: int, attempt: int) -> Value:
        """The value of row `number`, counted from 1; another one for each attempt, as long as there are others."""
        wishes = self._wishes(number)
        return wishes[min(attempt, len(wishes) - 1)]

    def _wishes(self, number: int) -> list[Value]:
        found: list[Value] = [DEFAULT] if self.has_default else []
        labels = self.labels[(number - 1) % len(self.labels) :] + self.labels if self.labels else ()
        found += [*labels, *self._plain(number), *self._hinted(number)]
        if not self.not_null or not found:
            found.append(None)
        return found

    def _plain(self, number: int) -> list[str]:
        if is_text(self.base):
            return [self._cut(_formed(shape, self.name, number)) for shape in _TEXTS]
        if self.base.endswith("[]"):
            return ["{}"]
        if re.match(r"bit(?! varying)", self.base):
            digits = re.search(r"\d+", self.base)
            return ["0" * int(digits[0] if digits else 1)]
        shape = next((shape for start, shape in _OF_TYPE if re.match(rf"(?:{start})\b", self.base)), None)
        # Further ones of the kind: a value that is taken, or too small for a check.
        return [] if shape is None else [_formed(shape, self.name, number + step) for step in range(0, _FEW, 10)]

    def _hinted(self, number: int) -> list[str]:
        rotated = self.hints[(number - 1) % len(self.hints) :] + self.hints if self.hints else ()
        numbers = [hint for hint in rotated if re.fullmatch(r"-?\d+", hint)]
        return [*rotated, *(str(int(hint) + step * number) for hint in numbers for step in (1, -1))]

    def _cut(self, text: str) -> str:
        size = limit(self.base)
        # The end is what tells one row from the next.
        return text if size is None else text[-size:]


def _formed(shape: str, name: str, number: int) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    first, second = letters[number // 26 % 26], letters[number % 26]
    return shape.format(
        n=number, d=1 + (number - 1) % 28, m=number % 60, h=number % 256, name=name,
        upper=first + second, lower=(first + second).lower(),
    )  # fmt: skip
