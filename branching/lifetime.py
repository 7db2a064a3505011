"""When a branch's life ends. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from branching.metadata import BranchMetadata, SnapshotMetadata


def leased(made: BranchMetadata | SnapshotMetadata, moment: datetime) -> bool:
    """Whether somebody holds it."""
    return bool(made.lease_until) and datetime.fromisoformat(made.lease_until) > moment


def ended(made: BranchMetadata, moment: datetime) -> str:
    """Why its life is over at `moment`, or nothing while it isn't. A clock that went back ends nothing."""
    if leased(made, moment):
        return ""
    pushed = made.pushed_at or made.created_at
    if made.ttl_seconds is not None and _since(pushed, moment) > made.ttl_seconds:
        return f"no push for {_days(_since(pushed, moment))} (its time to live is {_days(made.ttl_seconds)})"
    active = max(made.active_at, pushed)
    if made.idle_seconds is not None and _since(active, moment) > made.idle_seconds:
        return f"no session for {_days(_since(active, moment))} ({_days(made.idle_seconds)} are allowed)"
    return ""


def expires(made: BranchMetadata) -> datetime | None:
    """When its time to live is over, unless a push comes."""
    if made.ttl_seconds is None:
        return None
    start = datetime.fromisoformat(made.pushed_at or made.created_at).timestamp()
    return datetime.fromtimestamp(start + made.ttl_seconds, UTC)


def _since(moment: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(moment)).total_seconds()


def _days(seconds: float) -> str:
    return f"{seconds / 86400:.1f} d" if seconds >= 86400 else f"{seconds / 3600:.1f} h"
