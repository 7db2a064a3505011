"""Names of write-ahead log segments, and positions in the log. Pure.

https://www.postgresql.org/docs/18/wal-internals.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_SIZE = 16 * 1024 * 1024
_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:\.(?:gz|bz2|lz4|snappy|xz|zst))?")
"""With the endings that barman-cloud gives what it compressed. `.partial` and `.backup` are no segments."""
_HISTORY = re.compile(r"^\s*(\d+)\s+([0-9A-Fa-f]+/[0-9A-Fa-f]+)\s*(.*)$", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Segment:
    """A segment: on the later timeline is later, whatever its position."""

    timeline: int
    start: int
    size: int = DEFAULT_SIZE

    @property
    def end(self) -> int:
        """The position after its last byte."""
        return self.start + self.size

    @property
    def name(self) -> str:
        """As PostgreSQL calls its file."""
        return f"{self.timeline:08X}{self.start >> 32:08X}{(self.start & 0xFFFFFFFF) // self.size:08X}"


@dataclass(frozen=True, kw_only=True)
class Left:
    """Where a server left a timeline for one of its own."""

    timeline: int
    position: int
    reason: str
    """In PostgreSQL's words."""


def segment(file: str, size: int = DEFAULT_SIZE) -> Segment | None:
    """The segment that a file of the archive holds; None for what holds none."""
    found = _NAME.fullmatch(file)
    if not found:
        return None
    timeline, high, low = (int(part, 16) for part in found.groups())
    return Segment(timeline, (high << 32) + low * size, size)


def position(text: str) -> int:
    """A position as a number: `1/2A` is 4294967338. Raises ValueError for what is none."""
    high, slash, low = text.partition("/")
    if not slash:
        raise ValueError(f"{text} is no position in a write-ahead log")
    return (int(high, 16) << 32) + int(low, 16)


def shown(at: int) -> str:
    """A position as PostgreSQL writes it."""
    return f"{at >> 32:X}/{at & 0xFFFFFFFF:X}"


def history(text: str) -> tuple[Left, ...]:
    """What a timeline's history file says, the oldest timeline first."""
    return tuple(
        Left(timeline=int(one[1]), position=position(one[2]), reason=one[3].strip()) for one in _HISTORY.finditer(text)
    )
