"""How CREATE DATABASE copies a snapshot. Pure; the thresholds are DESIGN.md's measurements, to be taken on the server
itself later."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

WAL_LOG_BELOW = 200 * 1024 * 1024
"""Bytes up to which writing the copy to the WAL costs less than the two checkpoints that copying files forces."""


class Strategy(Enum):
    """How the files come over. Not which snapshot, and not whether the branch is ready at once."""

    WAL_LOG = "WAL_LOG"
    """Block by block through the WAL; no checkpoint."""
    FILE_COPY = "FILE_COPY"
    """File by file, between two checkpoints."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be done."""

    strategy: Strategy
    clone: bool
    """Whether the server shall share the files' blocks where its filesystem can (PostgreSQL 18)."""
    disk_bytes: int
    """What it may take of the server's disk: the files and, through the WAL, as much again. Where blocks are shared it
    takes less, which can't be known before."""


def choose(size: int, server_major: int) -> Plan:
    """The way to copy a snapshot of `size` bytes on this major version of the server."""
    strategy = Strategy.WAL_LOG if size < WAL_LOG_BELOW else Strategy.FILE_COPY
    return Plan(
        strategy=strategy,
        clone=strategy is Strategy.FILE_COPY and server_major >= 18,
        disk_bytes=2 * size if strategy is Strategy.WAL_LOG else size,
    )
