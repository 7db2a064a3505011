"""What a snapshot and a branch say of themselves, as JSON in the database's comment: no state outside the server. Pure.

A comment is world-readable on the server, so it holds names, numbers and settings, never a value of a row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

KEY = "socle"


class Content(StrEnum):
    """What a snapshot has of the source's rows."""

    MASKED = "masked"
    """All, masked by the rules."""
    SYNTHETIC = "synthetic"
    """None; a few invented ones."""
    SCHEMA = "schema"
    """None."""


@dataclass(frozen=True, kw_only=True)
class SnapshotMetadata:
    """Written once, when the snapshot is published."""

    application: str
    database: str
    """The source."""
    version: int
    taken_at: str
    """The moment whose data it holds: ISO 8601, UTC."""
    rules_digest: str
    rows: int
    bytes: int
    """Size of the snapshot on disk."""
    seconds: float
    """How long the build took."""
    dropped: tuple[str, ...]
    """What the source has and the snapshot hasn't, since it would act in a copy."""
    settings: tuple[str, ...]
    """`ALTER DATABASE SET` for each branch."""
    login_settings: tuple[str, ...]
    """The application's login role's settings in the database, for each branch's role."""
    owner: str
    """The NOLOGIN role that owns the objects."""
    comment: str
    """The source's own comment."""
    content: str = "masked"
    """A `Content`, as text."""
    rules: Mapping[str, int] = field(default_factory=dict)
    """How many columns of the rules file have each kind of rule."""
    lease_until: str = ""
    """Until then it stays, superseded or not."""
    empty: tuple[str, ...] = ()
    """Tables of a synthetic snapshot that no row could be invented for."""
    measures: Mapping[str, Any] = field(default_factory=dict)
    """What a probe of the server found, see `measures.Measures`."""
    tablespace: str = ""
    """Where it and its branches lie; empty is the server's own place."""
    kind: str = "snapshot"


@dataclass(frozen=True, kw_only=True)
class BranchMetadata:
    """Written in the transaction that opens the branch."""

    application: str
    database: str
    """The source of its snapshot."""
    pull_request: int
    snapshot_version: int
    snapshot_taken_at: str
    created_at: str
    pushed_at: str = ""
    """The last push of its pull request; empty where there was none after the first."""
    ttl_seconds: int | None = None
    """How long after the last push it lives; None is for ever."""
    idle_seconds: int | None = None
    """How long without a session it lives; None is for ever."""
    lease_until: str = ""
    """Until then nothing ends it but its own drop."""
    sessions: int = 0
    """How many sessions it had had when a sweep last looked."""
    active_at: str = ""
    """When a sweep last found that it had had a session since the look before."""
    comment: str = ""
    """The source's own comment."""
    strategy: str = ""
    """How it was copied."""
    seconds: float = 0
    """How long the copy took."""
    bytes: int = 0
    """Size of its snapshot."""
    shared: bool = False
    """Whether it began with its snapshot's blocks."""
    kind: str = "branch"


Metadata = SnapshotMetadata | BranchMetadata


def encode(metadata: Metadata) -> str:
    """The comment's text."""
    return json.dumps({KEY: asdict(metadata)}, ensure_ascii=False, sort_keys=True)


def decode(comment: str | None) -> Metadata | None:
    """What the comment says, or None where it isn't Socle's.

    A key that this version doesn't know is passed over, so that an older program can list a newer one's databases.
    """
    try:
        content: Any = json.loads(comment or "")[KEY]
        kind = {"snapshot": SnapshotMetadata, "branch": BranchMetadata}[content["kind"]]
        known = {one.name for one in fields(kind)}
        values = {name: _frozen(value) for name, value in content.items() if name in known}
        made: Metadata = kind(**values)
    except (ValueError, KeyError, TypeError):
        return None
    return made


def now() -> str:
    """The present moment as metadata writes it."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """`moment` as metadata writes it: UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
