"""Every name that branching gives, and how to read one back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from branching.errors import NameRefusedError

MAX_BYTES = 63
"""PostgreSQL cuts longer names silently, so that two of them could become one."""

_SNAPSHOT = re.compile(r"(?P<database>.+)_snapshot_v(?P<version>[1-9][0-9]*)")
_WARM = re.compile(r"(?P<database>.+)_warm_v(?P<version>[1-9][0-9]*)_[1-9][0-9]*")
_BRANCH = re.compile(r"pr_(?P<number>[1-9][0-9]*)(?:_(?P<application>[a-z0-9][a-z0-9_]*))?")


@dataclass(frozen=True, kw_only=True)
class SnapshotName:
    """The parts of a snapshot's name."""

    database: str
    version: int


@dataclass(frozen=True, kw_only=True)
class BranchName:
    """The parts of a branch's name; `application` is None where the pull request has one application only."""

    pull_request: int
    application: str | None


def checked(name: str, what: str) -> str:
    """`name`, when PostgreSQL keeps it whole.

    Raises:
        NameRefusedError: it is empty, holds a NUL, or is longer than 63 bytes.
    """
    size = len(name.encode())
    if not name or "\0" in name:
        raise NameRefusedError(f"{what} {name!r} is no name", "give a name of 1 to 63 bytes")
    if size > MAX_BYTES:
        raise NameRefusedError(
            f"{what} {name!r} has {size} bytes; PostgreSQL cuts names at {MAX_BYTES}",
            f"shorten the name that it is made from by {size - MAX_BYTES} bytes",
        )
    return name


def snapshot_name(database: str, version: int) -> str:
    """`city_api_snapshot_v7`: the database that holds version 7 of `city_api`'s snapshot.

    Raises:
        NameRefusedError: too long, or `version` is below 1.
    """
    if version < 1:
        raise NameRefusedError(f"{version} is no version of a snapshot of {database!r}", "versions count from 1")
    return checked(f"{database}_snapshot_v{version}", "the snapshot's name")


def parse_snapshot(name: str) -> SnapshotName | None:
    """The parts of a snapshot's name, or None where `name` isn't one."""
    match = _SNAPSHOT.fullmatch(name)
    return SnapshotName(database=match["database"], version=int(match["version"])) if match else None


def warm_name(database: str, version: int, number: int) -> str:
    """`city_api_warm_v7_1`: a copy of version 7 of `city_api`'s snapshot that waits for a pull request.

    Raises:
        NameRefusedError: too long.
    """
    return checked(f"{database}_warm_v{version}_{number}", "the warm branch's name")


def parse_warm(name: str) -> SnapshotName | None:
    """The snapshot that a warm branch was copied from, or None where `name` isn't one's."""
    match = _WARM.fullmatch(name)
    return SnapshotName(database=match["database"], version=int(match["version"])) if match else None


def branch_name(pull_request: int, application: str | None = None) -> str:
    """`pr_123`, or `pr_123_city_api` for one of several applications; a dash of the application becomes `_`.

    Raises:
        NameRefusedError: no such number, a character that a branch's name doesn't take, or too long.
    """
    suffix = f"_{application.replace('-', '_')}" if application else ""
    return checked_branch(f"pr_{pull_request}{suffix}")


def parse_branch(name: str) -> BranchName | None:
    """The parts of a branch's name, or None where `name` isn't one."""
    match = _BRANCH.fullmatch(name)
    return BranchName(pull_request=int(match["number"]), application=match["application"]) if match else None


def checked_branch(name: str) -> str:
    """`name`, when it is a branch's.

    Raises:
        NameRefusedError: anything but `pr_<n>` and `pr_<n>_<application>`, so that no other database is ever dropped.
    """
    if parse_branch(name) is None:
        raise NameRefusedError(
            f"{name!r} is not a branch's name", "a branch is called pr_<number> or pr_<number>_<application>"
        )
    return checked(name, "the branch's name")


def branch_owner(database: str) -> str:
    """`city_api_branch`: the NOLOGIN role that owns every object of `city_api`'s snapshots and branches.

    Raises:
        NameRefusedError: too long.
    """
    return checked(f"{database}_branch", "the branches' owner role")
