"""How far a build is, told to whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A step of a build."""

    phase: str
    """`schema`, `rows`, `indexes`, `vacuum`, `verify` or `publish`."""
    table: str = ""
    """The table that was last at work, in `rows`."""
    done: int = 0
    """Of `total`, in `rows`."""
    total: int = 0
    """Bytes of all tables on the source's disk."""


ProgressCallback = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """The callback for nobody."""
