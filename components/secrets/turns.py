"""Which of two logins an application uses, and the password of each, as rotation after rotation is carried out. Pure.

The first login is used until the first rotation. Each rotation gives the login that is not in use a new password and
has the application use that one; the login that was in use keeps its password until the rotation after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.secrets.generated import derive


@dataclass(frozen=True, kw_only=True)
class Turn:
    """How often the passwords of one application were rotated, and what its passwords are derived from by now."""

    number: int
    """Of rotations carried out."""
    current: str
    """Hexadecimal; made by the last rotation."""
    previous: str
    """Hexadecimal; made by the rotation before it, or before the first one the application's own secret."""


def in_use(number: int, first: str, second: str) -> str:
    """The login that the application uses after that many rotations: the second after the first one, and so on."""
    return second if number % 2 else first


def passwords(turn: Turn, logins: Mapping[str, str]) -> dict[str, str]:
    """The password of each login; `logins` has the second one of each first."""
    found: dict[str, str] = {}
    for first, second in logins.items():
        used = in_use(turn.number, first, second)
        idle = first if used == second else second
        found |= {used: derive(turn.current, used), idle: derive(turn.previous, idle)}
    return found
