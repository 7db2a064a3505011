"""Whether a restore reached its target. Pure.

What stands for "reached", and why a healthy server doesn't: docs/backups.md.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from restoring.archive import Archive, Backup
from restoring.plan import Restore
from restoring.segments import Left, Segment, shown

RECORD = 1024 * 1024
"""The most that the record at a segment's end, which goes on in the next, is taken to have of it."""


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """The row that the archived server wrote last."""

    at: dt.datetime
    position: str


@dataclass(frozen=True, kw_only=True)
class Reached:
    """How far a restored server came."""

    heartbeat: Heartbeat | None
    lefts: tuple[Left, ...]
    """Where it left the archive's timelines."""

    def __str__(self) -> str:
        at = f"its newest heartbeat is of {moment(self.heartbeat.at)}" if self.heartbeat else "it has no heartbeat"
        end = f", its log ends at {shown(self.lefts[-1].position)}" if self.lefts else ""
        return f"{at}{end}"


def impossible(restore: Restore, archive: Archive, others: list[str]) -> str:
    """Why the restore can't come to anything, before it is begun; empty where nothing speaks against it."""
    folder, target = f"{restore.store.destination} has", restore.target
    if not archive.backups:
        known = ", ".join(others) or "no server at all"
        return f"{folder} no finished backup of {restore.server_name}; there is {known}"
    if target.kind == "backup" and not _named(restore, archive):
        return f"{folder} no backup {target.backup} of {restore.server_name}; there is {_list(archive)}"
    if target.kind == "time" and target.time:
        return _out_of_reach(restore.server_name, target.time, archive)
    return ""


def short(restore: Restore, archive: Archive, reached: Reached) -> str:
    """In what the server fell short of the target; empty where it is proven to have reached it."""
    if restore.target.kind == "end":
        return _short_of_the_end(restore, archive, reached)
    if restore.target.kind == "backup":
        named = _named(restore, archive)
        if named is None:
            return f"the backup {restore.target.backup} is no longer in the store, so nothing can be proven"
        if reached.lefts and reached.lefts[-1].position < named.end_position:
            return f"the backup {named.identity} goes to {shown(named.end_position)}"
        return _old_heartbeat(restore, reached, named.begin)
    assert restore.target.time is not None  # noqa: S101 - the settings have one for this kind
    return _old_heartbeat(restore, reached, restore.target.time)


def stale(reached: Reached, began: dt.datetime, freshness_seconds: int) -> str:
    """Whether what came back is older than it may be, though it is all that the archive has."""
    oldest = began - dt.timedelta(seconds=freshness_seconds)
    if reached.heartbeat is None:
        return "no heartbeat came back"
    if reached.heartbeat.at < oldest:
        newest = moment(reached.heartbeat.at)
        return f"what is archived is older than {moment(oldest)}: the newest heartbeat is of {newest}"
    return ""


def moment(at: dt.datetime) -> str:
    """A time as it is told: UTC, to the second."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _out_of_reach(server_name: str, target: dt.datetime, archive: Archive) -> str:
    oldest, last = archive.backups[0].end, archive.last()
    if oldest > target:
        return f"the oldest backup of {server_name} ended at {moment(oldest)}, after the target {moment(target)}"
    if last and last.at >= target:
        return ""
    ends = f"ends at {moment(last.at)}, before the target {moment(target)}" if last else "has no write-ahead log"
    return f"the archive of {server_name} {ends}, and PostgreSQL stops at a target only where it sees what came after"


def _short_of_the_end(restore: Restore, archive: Archive, reached: Reached) -> str:
    last = archive.last(restore.began)
    if last is None:
        return f"the archive of {restore.server_name} has nothing of the write-ahead log, so nothing can be proven"
    wanted = f"the archive went to {last.segment.name}, archived at {moment(last.at)}"
    left = next((one for one in reached.lefts if one.timeline == last.segment.timeline), None)
    if left is None:
        return f"{wanted}, on timeline {last.segment.timeline}, which the server did not follow"
    if left.position >= last.segment.end - RECORD:
        return ""
    stopped = Segment(left.timeline, left.position // last.segment.size * last.segment.size, last.segment.size)
    behind = (last.segment.start - stopped.start) // last.segment.size
    absent = archive.missing_before(last.segment)
    gap = f"; {absent.name} is not in the archive" if absent else ""
    return f"{wanted}, and the server stopped in {stopped.name}, {behind} segments before{gap}"


def _old_heartbeat(restore: Restore, reached: Reached, target: dt.datetime) -> str:
    if reached.heartbeat is None:
        return f"the target is {moment(target)}, and no heartbeat of {restore.server_name} came back"
    oldest = target - dt.timedelta(seconds=restore.tolerance_seconds)
    if reached.heartbeat.at < oldest:
        return f"the target is {moment(target)}, and the newest heartbeat may be no older than {moment(oldest)}"
    if restore.target.kind == "time" and reached.heartbeat.at > target:
        return f"the target is {moment(target)}, and it went beyond"
    return ""


def _named(restore: Restore, archive: Archive) -> Backup | None:
    return next((one for one in archive.backups if one.identity == restore.target.backup), None)


def _list(archive: Archive) -> str:
    return ", ".join(one.identity for one in archive.backups)
