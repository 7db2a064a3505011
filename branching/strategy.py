"""How CREATE DATABASE copies a snapshot, and what that will cost: chosen from what was measured on the server. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from branching.measures import TYPICAL, Measures

CHECKPOINT_SECONDS = 0.25
"""What a forced checkpoint weighs in the choice beside the seconds it takes: everybody on the server pays for it."""
FILE_COPY_CHECKPOINTS = 2
CLONING_MAJOR = 18
"""The first PostgreSQL that can share a copy's blocks (`file_copy_method`)."""
WAL_LOG_AT_MOST = 200 * 1024 * 1024
"""Bytes. More WAL than that forces checkpoints of its own, so that what a small copy took says nothing of a large one's
(docs/benchmarks.md has both ways at 5 GB)."""


class Strategy(Enum):
    """How the files come over. Not which snapshot, and not whether the branch is ready at once."""

    WAL_LOG = "WAL_LOG"
    """Block by block through the WAL; no checkpoint."""
    FILE_COPY = "FILE_COPY"
    """File by file, between two checkpoints."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be done, and what it is predicted to cost."""

    strategy: Strategy
    clone: bool
    """Whether the server shall share the files' blocks where its filesystem can (PostgreSQL 18)."""
    seconds: float
    wal_bytes: int
    checkpoints: int
    disk_bytes: int
    """Of the server's disk: the files and, through the WAL, as much again. Nothing where blocks are shared."""

    @property
    def shares(self) -> bool:
        """Whether the copy is expected to begin with the snapshot's own blocks."""
        return self.clone and not self.disk_bytes

    @property
    def cost(self) -> float:
        """Seconds, with what the others on the server pay."""
        return self.seconds + CHECKPOINT_SECONDS * self.checkpoints

    def __str__(self) -> str:
        shared = " sharing blocks" if self.shares else ""
        return (
            f"{self.strategy.value}{shared}: about {self.seconds:.1f} s, {_megabytes(self.wal_bytes)} MB of WAL, "
            f"{self.checkpoints} checkpoints, {_megabytes(self.disk_bytes)} MB of disk"
        )


def choose(size: int, server_major: int, measures: Measures = TYPICAL, free: int | None = None) -> Plan:
    """The way to copy a snapshot of `size` bytes on this major version of the server.

    Args:
        size: bytes of the snapshot.
        server_major: what the server can.
        measures: how fast the server is at each way.
        free: bytes that a copy may take; None where nobody knows. It decides only between ways of which one would fit.
    """
    ways = [_by_files(size, server_major, measures)]
    ways += [_by_wal(size, measures)] if size <= WAL_LOG_AT_MOST else []
    plans = sorted(ways, key=lambda plan: plan.cost)
    fitting = [plan for plan in plans if free is None or plan.disk_bytes <= free]
    return (fitting or plans)[0]


def _by_wal(size: int, measures: Measures) -> Plan:
    return Plan(
        strategy=Strategy.WAL_LOG,
        clone=False,
        seconds=measures.wal_log_base_seconds + size / measures.wal_log_bytes_per_second,
        wal_bytes=size,
        checkpoints=0,
        disk_bytes=2 * size,
    )


def _by_files(size: int, server_major: int, measures: Measures) -> Plan:
    clone = server_major >= CLONING_MAJOR
    shares = clone and measures.shares_blocks
    return Plan(
        strategy=Strategy.FILE_COPY,
        clone=clone,
        seconds=measures.file_copy_base_seconds + size / measures.file_copy_bytes_per_second,
        wal_bytes=0,
        checkpoints=FILE_COPY_CHECKPOINTS,
        disk_bytes=0 if shares else size,
    )


def _megabytes(size: int) -> int:
    return round(size / 1024 / 1024)
