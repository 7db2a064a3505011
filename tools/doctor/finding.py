"""What a check says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """Works today, or couldn't be looked at."""
    FAULT = "fault"
    """Something that should work doesn't."""


class Subject(StrEnum):
    """What a finding is about. In the order of cause: what stands first breaks what stands after it."""

    CLUSTER = "cluster"
    OPERATOR = "operator"
    SERVER = "server"
    APPLICATION = "application"
    PULL_REQUEST = "pull request"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: Subject
    level: Level
    check: str
    """Its name in docs/doctor.md."""
    looked_at: str
    found: str
    why: str = ""
    """Why it matters, in a few words."""
    next: str = ""
    """The command to type."""
    name: str = ""
    """Of the application or pull request; empty where there is only one of the subject."""
    detail: str = ""
    """Further lines, the end of a log say."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What a check's findings have in common."""

    subject: Subject
    check: str
    looked_at: str
    name: str = ""

    def ok(self, found: str) -> Finding:
        """As it should be."""
        return self._finding(Level.OK, found)

    def warning(self, found: str, why: str, command: str, detail: str = "") -> Finding:
        """Not yet broken."""
        return self._finding(Level.WARNING, found, why, command, detail)

    def fault(self, found: str, why: str, command: str, detail: str = "") -> Finding:
        """Broken."""
        return self._finding(Level.FAULT, found, why, command, detail)

    def unseen(self, why: str) -> Finding:
        """Nobody knows: that is never taken for fine."""
        return self._finding(Level.WARNING, f"not looked at: {why}")

    def _finding(self, level: Level, found: str, why: str = "", command: str = "", detail: str = "") -> Finding:
        return Finding(
            subject=self.subject, level=level, check=self.check, looked_at=self.looked_at, name=self.name,
            found=found, why=why, next=command, detail=detail,
        )  # fmt: skip


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By subject and name, in each the worst first; checks keep their order among equals."""
    subjects, levels = list(Subject), list(reversed(Level))
    return sorted(findings, key=lambda one: (subjects.index(one.subject), one.name, levels.index(one.level)))


def first(findings: Sequence[Finding]) -> Finding | None:
    """What to do first: the fault nearest to the cause, else such a warning; None where nothing is to do."""
    for level in (Level.FAULT, Level.WARNING):
        for one in findings:
            if one.level is level and one.next:
                return one
    return None
