"""When a restore counts as good: against archives and servers that are made up.

Doesn't prove: that a real store and a real server answer so; tests/kubernetes does.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoring import archive, drilling, plan, segments, verdict
from restoring.archive import Archive, Archived, Backup
from restoring.plan import Restore, Store, Target
from restoring.segments import DEFAULT_SIZE, Left, Segment
from restoring.verdict import Heartbeat, Reached

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
BEGAN = NOON + dt.timedelta(minutes=30)


def at(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def numbered(number: int, timeline: int = 1) -> Segment:
    return Segment(timeline, number * DEFAULT_SIZE)


def held(*numbers: int, timeline: int = 1) -> Archive:
    """An archive with a backup at noon, and segment n archived n minutes after."""
    backup = Backup(
        identity="20261121T120000", begin=at(-1), end=NOON, first_segment=numbered(1).name,
        end_position=DEFAULT_SIZE + 500, segment_size=DEFAULT_SIZE,
    )  # fmt: skip
    there = tuple(Archived(segment=numbered(number, timeline), at=at(number)) for number in numbers)
    return Archive(backups=(backup,), segments=there)


def restore(kind: Any = "end", **changes: Any) -> Restore:
    target = Target(kind=kind, **changes)
    return Restore(
        store=Store(destination="s3://backups/dev"), server_name="shared", target=target, began=BEGAN,
        tolerance_seconds=120,
    )  # fmt: skip


def came(position: int, heartbeat: float | None = 9, timeline: int = 1) -> Reached:
    beat = None if heartbeat is None else Heartbeat(at=at(heartbeat), position="0/0")
    return Reached(heartbeat=beat, lefts=(Left(timeline=timeline, position=position, reason="no target"),))


@given(st.integers(1, 2**32 - 1), st.integers(0, 2**40), st.sampled_from([1, 16, 64]))
def test_a_segments_name_leads_back_to_it(timeline: int, number: int, mebibytes: int) -> None:
    size = mebibytes * 1024 * 1024
    one = Segment(timeline, number % (2**63 // size) % (2**32 * (2**32 // size)) * size, size)
    assert segments.segment(one.name, size) == one
    assert segments.segment(f"{one.name}.gz", size) == one


@pytest.mark.parametrize(
    "name", ["00000002.history", "000000010000000000000005.partial", "000000010000000000000005.00000028.backup", "x"]
)
def test_what_is_no_segment_is_none(name: str) -> None:
    assert segments.segment(name) is None


def test_a_history_says_where_timelines_were_left() -> None:
    text = "1\t0/5000098\tno recovery target specified\n\n2\t1/2A\tbefore 2026-11-21 12:00:00+00\n"
    first, second = segments.history(text)
    assert (first.timeline, segments.shown(first.position)) == (1, "0/5000098")
    assert (second.timeline, second.position, second.reason) == (2, (1 << 32) + 42, "before 2026-11-21 12:00:00+00")


def test_the_whole_archive_is_reached_where_its_last_segment_was_replayed() -> None:
    assert not verdict.short(restore(), held(1, 2, 3), came(numbered(4).start))
    # The last record of a full segment goes on in the next one, which isn't there.
    assert not verdict.short(restore(), held(1, 2, 3), came(numbered(4).start - 8000))


def test_a_store_that_went_away_is_seen_by_the_segments_that_were_not_replayed() -> None:
    found = verdict.short(restore(), held(1, 2, 3, 4, 5), came(numbered(3).start))
    assert numbered(5).name in found
    assert f"stopped in {numbered(3).name}, 2 segments before" in found


def test_a_segment_that_is_not_in_the_archive_is_named() -> None:
    found = verdict.short(restore(), held(1, 2, 4, 5), came(numbered(3).start))
    assert f"{numbered(3).name} is not in the archive" in found


def test_damage_in_the_last_segment_is_seen() -> None:
    assert "0 segments before" in verdict.short(restore(), held(1, 2, 3), came(numbered(3).start + 5000))


def test_what_was_archived_after_the_restore_began_is_not_asked_for() -> None:
    assert not verdict.short(restore(), held(1, 2, 3, 31, 32), came(numbered(4).start))


def test_a_timeline_that_was_not_followed_is_seen() -> None:
    both = Archive(backups=held().backups, segments=(*held(1, 2, 3).segments, *held(3, 4, timeline=2).segments))
    assert "on timeline 2" in verdict.short(restore(), both, came(numbered(3).start))
    followed = Reached(heartbeat=None, lefts=(*came(1).lefts, *came(numbered(5).start, timeline=2).lefts))
    assert not verdict.short(restore(), both, followed)


def test_an_archive_without_a_log_proves_nothing() -> None:
    assert "nothing can be proven" in verdict.short(restore(), held(), came(0))


@pytest.mark.parametrize(
    ("heartbeat", "words"),
    [(10, ""), (8.1, ""), (7.9, "no older than 2026-11-21T12:08:00Z"), (10.1, "went beyond"), (None, "no heartbeat")],
)
def test_a_point_in_time_is_reached_when_the_heartbeat_is_that_near(heartbeat: float | None, words: str) -> None:
    found = verdict.short(restore("time", time=at(10)), held(1, 2), came(0, heartbeat))
    assert (words in found) if words else not found


def test_a_backup_is_reached_when_its_end_is() -> None:
    wanted = restore("backup", backup="20261121T120000")
    assert not verdict.short(wanted, held(1), came(DEFAULT_SIZE + 500, heartbeat=-2))
    assert "goes to 0/10001F4" in verdict.short(wanted, held(1), came(DEFAULT_SIZE, heartbeat=-2))
    assert "no longer in the store" in verdict.short(restore("backup", backup="20261120T120000"), held(1), came(0))


def test_what_can_not_be_restored_is_said_before() -> None:
    empty = Archive(backups=(), segments=())
    assert verdict.impossible(restore(), empty, ["other"]).endswith("no finished backup of shared; there is other")
    assert "there is 20261121T120000" in verdict.impossible(restore("backup", backup="20251121T120000"), held(1), [])
    assert "the oldest backup" in verdict.impossible(restore("time", time=at(-5)), held(1, 2), [])
    assert "ends at 2026-11-21T12:02:00Z" in verdict.impossible(restore("time", time=at(3)), held(1, 2), [])
    for possible in (restore(), restore("time", time=at(2)), restore("backup", backup="20261121T120000")):
        assert not verdict.impossible(possible, held(1, 2), [])


def test_what_is_archived_may_be_whole_and_yet_too_old() -> None:
    assert not verdict.stale(came(0, heartbeat=20), BEGAN, 900)
    assert "the newest heartbeat is of 2026-11-21T12:10:00Z" in verdict.stale(came(0, heartbeat=10), BEGAN, 900)
    assert verdict.stale(came(0, heartbeat=None), BEGAN, 900)


INFO = """backup_label='START WAL LOCATION: 0/4000028'
begin_time=2026-11-21 12:00:00.123456+00:00
begin_wal=000000010000000000000004
end_time=2026-11-21 12:00:07+00:00
end_xlog=0/4000120
status=DONE
xlog_segment_size=16777216
"""


class FakeClient:
    """What archive.read asks of boto3's client, over a dict."""

    def __init__(self, objects: dict[str, str]) -> None:
        self.objects = objects

    def get_paginator(self, name: str) -> FakeClient:
        assert name == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str, Delimiter: str = "") -> Iterator[dict[str, Any]]:  # noqa: N803
        assert Bucket == "backups"
        found = sorted(one for one in self.objects if one.startswith(Prefix))
        if Delimiter:
            folders = sorted({Prefix + one[len(Prefix) :].split(Delimiter)[0] + Delimiter for one in found})
            yield {"CommonPrefixes": [{"Prefix": one} for one in folders]}
            return
        for key in found:  # a page each
            yield {"Contents": [{"Key": key, "LastModified": NOON}]}
        yield {}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[Key].encode())}


def test_a_store_is_read_in_barmans_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    wals = "dev/shared/wals/0000000100000000"
    objects = {
        "dev/shared/base/20261121T120000/backup.info": INFO,
        "dev/shared/base/20261121T120000/data.tar.gz": "",
        "dev/shared/base/20261121T130000/backup.info": INFO.replace("DONE", "STARTED"),
        f"{wals}/000000010000000000000005.gz": "",
        f"{wals}/000000010000000000000004.gz": "",
        f"{wals}/000000010000000000000004.00000028.backup.gz": "",
        "dev/shared/wals/00000002.history.gz": "",
        "dev/other/wals/0000000100000000/000000010000000000000009": "",
    }
    monkeypatch.setattr(archive, "_client", lambda _: FakeClient(objects))
    store = Store(destination="s3://backups/dev/")
    found = archive.read(store, "shared")
    assert [one.identity for one in found.backups] == ["20261121T120000"]
    assert found.backups[0].end == dt.datetime(2026, 11, 21, 12, 0, 7, tzinfo=dt.UTC)
    assert [one.segment for one in found.segments] == [numbered(4), numbered(5)]
    assert archive.servers(store) == ["other", "shared"]


@pytest.mark.parametrize(
    ("destination", "bucket", "prefix"),
    [("s3://b3c", "b3c", ""), ("s3://b3c/", "b3c", ""), ("s3://b3c/a/b/", "b3c", "a/b/")],
)
def test_a_destination_is_a_bucket_and_a_prefix(destination: str, bucket: str, prefix: str) -> None:
    store = Store(destination=destination)
    assert (store.bucket, store.prefix) == (bucket, prefix)


def test_a_plan_without_a_time_zone_is_refused() -> None:
    document = {
        "destination": "s3://b3c", "endpoint": "", "serverName": "s", "toleranceSeconds": 120,
        "target": {"kind": "time", "time": "2026-11-21T12:00:00"},
    }  # fmt: skip
    with pytest.raises(ValueError, match="time zone"):
        plan.restore(document)


def test_a_drills_result_says_what_is_wrong_and_how_far_it_came() -> None:
    good = drilling.result(NOON, 61.4, came(numbered(4).start), [])
    assert (good["result"], good["seconds"], good["heartbeat"]) == ("good", "61", "2026-11-21T12:09:00Z")
    bad = drilling.result(NOON, 61.4, None, ["this", "that"])
    assert (bad["result"], bad["heartbeat"], bad["message"]) == ("failed", "", "this\nthat")
