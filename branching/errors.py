"""What `branching` raises for something that its user can mend."""

from __future__ import annotations

from dataclasses import dataclass


class BranchingError(Exception):
    """A refusal or a failure: `message` says where and what was found, `remedy` the line or command that mends it.

    Neither ever holds a row's value or a password.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}" if self.remedy else self.message


class NameRefusedError(BranchingError):
    """A name that PostgreSQL would truncate, or that isn't of the form its kind has."""


class SaltMissingError(BranchingError):
    """Masks that need a secret, and none was given."""


class SnapshotBusyError(BranchingError):
    """Another process is building a snapshot of the same database."""


class SnapshotMissingError(BranchingError):
    """There is no published snapshot to make a branch from."""


class PullRequestClosedError(BranchingError):
    """A pull request that was closed: a late run may not bring its branch back."""


class QuotaExceededError(BranchingError):
    """There are as many branches as there may be."""


class SweepRefusedError(BranchingError):
    """A sweep that could delete what it should not: it deleted nothing."""


class NotOursError(BranchingError):
    """A database or a role of that name exists and Socle didn't make it: it is left alone."""


class DiskShortError(BranchingError):
    """The copy would not fit on the server's disk."""


class NotCarriedError(BranchingError):
    """The source has something that a snapshot can't carry yet."""


class BuildFailedError(BranchingError):
    """A snapshot could not be finished; what was made of it is gone."""


class CopyFailedError(BranchingError):
    """The server began to copy a snapshot and could not end it; what it made of the copy is gone."""


class ServerRefusedError(BranchingError):
    """The server, or a role on it, isn't what branching needs."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One fault of a masking rules file, complete enough to mend it without looking anything up."""

    where: str
    """The file, with its line where there is one."""
    subject: str
    """`schema.table.column`, or as much of it as the fault concerns."""
    found: str
    """What is wrong."""
    allowed: str
    """What may stand there."""
    write: str
    """The YAML to write, or the line to delete."""

    def __str__(self) -> str:
        lines = "\n".join(f"    {line}" for line in self.write.splitlines())
        return f"{self.where}: {self.subject}: {self.found}; allowed: {self.allowed}; write:\n{lines}"


class RulesError(BranchingError):
    """A masking rules file that can't be used; `problems` has every fault, not the first one only."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
