"""What a sweep would remove, and when it refuses to."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from branching import lifetime, metadata, quota
from branching.errors import QuotaExceededError, SweepRefusedError
from branching.inventory import Database, inventory
from branching.metadata import BranchMetadata, stamp
from branching.pull_requests import FromFile
from branching.quota import Quota
from branching.sweep_plan import Bounds, Found, Kind, is_stack, plan

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def ago(**units: float) -> str:
    return stamp(NOW - timedelta(**units))


def branch(number: int, *, limit: int = -1, finished: bool = True, name: str = "", **of: object) -> Database:
    made = BranchMetadata(
        application="city-api",
        database="city_api",
        pull_request=number,
        snapshot_version=1,
        snapshot_taken_at=ago(days=9),
        created_at=ago(days=9),
    )
    return Database(
        name=name or f"pr_{number}",
        owner="bot",
        is_template=False,
        is_open=finished,
        connection_limit=limit,
        comment=metadata.encode(replace(made, **of)) if finished or limit == -2 else None,  # type: ignore[arg-type]
        bytes=None,
    )


def snapshot(version: int, *, finished: bool = True) -> Database:
    made = metadata.SnapshotMetadata(
        application="city-api", database="city_api", version=version, taken_at=ago(days=1), rules_digest="", rows=1,
        bytes=1, seconds=1, dropped=(), settings=(), login_settings=(), owner="city_api_branch", comment="",
    )  # fmt: skip
    return Database(
        name=f"city_api_snapshot_v{version}",
        owner="bot",
        is_template=finished,
        is_open=not finished,
        connection_limit=-1,
        comment=metadata.encode(made) if finished else None,
        bytes=None,
    )


def found(*databases: Database, **of: object) -> Found:
    values = {"roles": frozenset(one.name for one in databases if one.name.startswith("pr_")), "tombstones": {}}
    return Found(inventory=inventory(list(databases)), **(values | of))  # type: ignore[arg-type]


def planned(state: Found, *open_: int, **bounds: object) -> list[tuple[str, str, str]]:
    made = plan(state, frozenset(open_), Bounds(**bounds), NOW)  # type: ignore[arg-type]
    return [(one.kind.value, one.name, one.reason) for one in made.removals]


def test_what_is_not_open_goes_with_all_that_is_its() -> None:
    state = found(
        branch(1), branch(2, name="pr_2_city_api"), branch(2, name="pr_2_docspell"), branch(3),
        stacks=frozenset({"pr-1", "pr-2"}),
    )  # fmt: skip
    assert planned(state, 1, 3) == [
        ("stack", "pr-2", "pull request 2 is not open"),
        ("branch", "pr_2_city_api", "pull request 2 is not open"),
        ("branch", "pr_2_docspell", "pull request 2 is not open"),
    ]


def test_what_is_half_made_or_half_gone_goes_though_its_pull_request_is_open() -> None:
    half = (branch(1, finished=False), branch(2, limit=-2, finished=False))
    state = found(*half, branch(3), roles=frozenset({"pr_3", "pr_4"}))
    assert planned(state, 1, 2, 3, 4) == [
        ("branch", "pr_1", "it was never finished"),
        ("branch", "pr_2", "its drop was interrupted"),
        ("role", "pr_4", "it has no database"),
    ]


def test_time_to_live_idleness_and_leases() -> None:
    week, day = 7 * 86400, 86400
    state = found(
        branch(1, ttl_seconds=week),
        branch(2, ttl_seconds=week, pushed_at=ago(days=2)),
        branch(3, ttl_seconds=week, lease_until=stamp(NOW + timedelta(days=1))),
        branch(4, idle_seconds=day, active_at=ago(hours=30)),
        branch(5, idle_seconds=day, active_at=ago(hours=3)),
        branch(6, lease_until=stamp(NOW + timedelta(days=1))),
        branch(7, lease_until=ago(days=1)),
    )
    assert planned(state, 1, 2, 3, 4, 5) == [
        ("branch", "pr_1", "no push for 9.0 d (its time to live is 7.0 d)"),
        ("branch", "pr_4", "no session for 1.2 d (1.0 d are allowed)"),
        ("branch", "pr_7", "pull request 7 is not open"),
    ]


def test_a_clock_that_went_back_ends_nothing() -> None:
    made = branch(1, ttl_seconds=60, idle_seconds=60, pushed_at=stamp(NOW + timedelta(days=3))).metadata
    assert isinstance(made, BranchMetadata)
    assert lifetime.ended(made, NOW) == ""


def test_a_clock_that_went_ahead_is_held_by_the_share() -> None:
    state = found(*(branch(number, ttl_seconds=86400 * 14) for number in range(1, 21)))
    far = NOW + timedelta(days=4000)
    with pytest.raises(SweepRefusedError, match="20 of 20 branches would go"):
        plan(state, frozenset(range(1, 21)), Bounds(), far)


def test_snapshots_that_nobody_needs() -> None:
    state = found(*(snapshot(version) for version in (1, 2, 3, 4)), snapshot(5, finished=False), branch(1))
    assert planned(state, 1) == [
        ("snapshot", "city_api_snapshot_v5", "its build was interrupted"),
        ("snapshot", "city_api_snapshot_v2", "newer ones have taken its place and no branch uses it"),
    ]
    assert ("snapshot", "city_api_snapshot_v5", "its build was interrupted") not in planned(
        replace(state, building=frozenset({"city_api"})), 1
    )


def test_an_empty_list_is_believed_only_when_told_to() -> None:
    with pytest.raises(SweepRefusedError, match="is empty, and there are 1 branches and 0 stacks; nothing was"):
        planned(found(branch(1)))
    assert planned(found(branch(1)), allow_empty=True) == [("branch", "pr_1", "pull request 1 is not open")]
    assert planned(found()) == []


def test_too_large_a_share_goes_only_when_told_to() -> None:
    state = found(*map(branch, range(1, 11)))
    with pytest.raises(SweepRefusedError, match="6 of 10 branches would go, and at most 50% may"):
        planned(state, 1, 2, 3, 4)
    assert len(planned(state, 1, 2, 3, 4, 5)) == 5
    assert len(planned(state, 1, 2, 3, 4, largest_share=1.0)) == 6
    assert len(planned(found(branch(1), branch(2), branch(3)), 9)) == 3, "a few may always go"


def test_a_reopened_pull_request_loses_its_tombstone_and_an_old_one_is_forgotten() -> None:
    state = found(branch(1), tombstones={1: ago(days=1), 2: ago(days=1), 3: ago(days=100)})
    made = plan(state, frozenset({1}), Bounds(), NOW)
    assert made.reopened == (1,)
    assert [(one.kind, one.name) for one in made.removals] == [(Kind.TOMBSTONE, "3")]


def test_a_plan_over_five_hundred_takes_no_time() -> None:
    state = found(*(branch(number) for number in range(1, 501)), stacks=frozenset(f"pr-{n}" for n in range(1, 501)))
    started = time.monotonic()
    assert len(planned(state, *range(1, 401))) == 200
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(("name", "one"), [("pr-12", True), ("local", False), ("pr-", False), ("pr-x", False)])
def test_stacks_of_pull_requests(name: str, one: bool) -> None:
    assert is_stack(name) is one


@pytest.mark.parametrize(
    ("text", "open_"), [("1\n22\n", {1, 22}), ("[1, 22]", {1, 22}), ("[]", set()), (" 5 6 ", {5, 6})]
)
def test_a_file_of_pull_requests(tmp_path: Path, text: str, open_: set[int]) -> None:
    file = tmp_path / "open"
    file.write_text(text)
    assert FromFile(file).open() == open_


@pytest.mark.parametrize("text", ["", "one", "[1, true]", "[-1]", '{"a": 1}', "[1,"])
def test_what_is_no_list_of_pull_requests(tmp_path: Path, text: str) -> None:
    file = tmp_path / "open"
    file.write_text(text)
    with pytest.raises(SweepRefusedError, match="nothing was removed"):
        FromFile(file).open()
    with pytest.raises(SweepRefusedError, match="nothing was removed"):
        FromFile(tmp_path / "nowhere").open()


def test_a_quota_names_who_was_longest_without_a_push() -> None:
    there = inventory([branch(1), branch(2, pushed_at=ago(days=1)), branch(3, application="docspell")])
    quota.require(there, Quota(per_application=2), "pr_1", "city-api")
    quota.require(there, Quota(), "pr_9", "city-api")
    with pytest.raises(QuotaExceededError, match=r"2 branches of city-api, and 2 are allowed[\s\S]*pr_1, pr_2"):
        quota.require(there, Quota(per_application=2), "pr_9", "city-api")
    with pytest.raises(QuotaExceededError, match="3 branches, and 3 are allowed"):
        quota.require(there, Quota(per_application=9, total=3), "pr_9", "city-api")
