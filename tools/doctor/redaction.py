"""Keeps the value of every Secret that was read out of all that is told. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "•••"
SHORTEST = 6
"""Characters; what is shorter is no password, and its removal would make a message unreadable."""


class Redactor:
    """Knows what must not be told."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def learn(self, values: Iterable[str]) -> None:
        """Never tell these, neither as they are nor as they stand in a URL."""
        for value in values:
            if len(value) >= SHORTEST:
                self._values |= {value, quote(value, safe="")}

    def clean(self, text: str) -> str:
        """The text without them, the longest first: one may be a part of another."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
        return text
