"""Sweeping on a real server: what goes, what stays, and what a second look spares."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from branching import activity, branch, lease, source, sweep, tombstones
from branching.connection import connect
from branching.errors import PullRequestClosedError, QuotaExceededError, SnapshotMissingError, SweepRefusedError
from branching.metadata import BranchMetadata
from branching.quota import Quota
from branching.sweep_plan import Bounds
from tests.database.branching_support import BRANCHER, Live

pytest_plugins = ["tests.database.branching_fixtures"]


@dataclass
class Forge:
    """Says what it is told to; `later` is what it says when it is asked about one."""

    numbers: set[int]
    later: set[int] = field(default_factory=set)
    asked: list[int] = field(default_factory=list)

    def open(self) -> frozenset[int]:
        return frozenset(self.numbers)

    def is_open(self, number: int) -> bool:
        self.asked.append(number)
        return number in self.numbers | self.later


@pytest.fixture
def copied(make_live: Callable[..., Live]) -> Live:
    live = make_live("CREATE TABLE t (a int); INSERT INTO t VALUES (1)", "tables:\n  public.t:\n    a: keep\n")
    live.build()
    return live


@pytest.fixture(autouse=True)
def forgotten(copied: Live) -> object:
    yield
    with connect(copied.bot) as connection:
        for number in tombstones.all_of(connection):
            tombstones.reopen(connection, number)


def swept(live: Live, forge: Forge, **bounds: object) -> sweep.SweepReport:
    planned = sweep.look(live.bot, forge, Bounds(**bounds))  # type: ignore[arg-type]
    return sweep.apply(live.bot, planned, forge)


def made(live: Live, name: str) -> BranchMetadata:
    found = next(one.metadata for one in live.found().branches if one.name == name)
    assert found is not None
    return found


def test_a_closed_pull_request_goes_and_a_late_run_can_not_bring_it_back(copied: Live) -> None:
    for number in (1, 2, 3):
        copied.branch(number)
    report = swept(copied, Forge({1, 3}))
    assert [(one.kind.value, one.name) for one in report.removed] == [("branch", "pr_2")]
    assert "pr_2" not in copied.databases()
    assert copied.value("SELECT count(*) FROM pg_roles WHERE rolname = 'pr_2'") == 0
    with pytest.raises(PullRequestClosedError, match="pull request 2 was closed at 20"):
        copied.branch(2)
    with pytest.raises(PullRequestClosedError):
        branch.reset(copied.bot, copied.branch_request(2))
    swept(copied, Forge({1, 2, 3}))
    assert not copied.branch(2).kept


def test_it_asks_again_just_before(copied: Live) -> None:
    for number in (1, 2, 3):
        copied.branch(number)
    forge = Forge({1}, later={2})
    report = swept(copied, forge)
    assert forge.asked == [2, 3]
    assert report.spared == ("pull request 2 is open again",)
    assert {"pr_1", "pr_2"} <= copied.databases()
    assert "pr_3" not in copied.databases()


def test_closed_pull_requests_go_together_but_for_one_that_is_opened_meanwhile(copied: Live) -> None:
    for number in range(1, 11):
        copied.branch(number)

    class Late(Forge):
        """Somebody opens number 3 again while number 5 is asked about."""

        def is_open(self, number: int) -> bool:
            if number == 5:
                with connect(copied.bot) as connection:
                    tombstones.reopen(connection, 3)
            return super().is_open(number)

    planned = sweep.look(copied.bot, Late({99}), Bounds(largest_share=1))
    report = sweep.apply(copied.bot, planned, Late({99}, later={9}))
    assert {name for name in copied.databases() if name.startswith("pr_")} == {"pr_3", "pr_9"}
    assert report.spared == ("pr_3 is needed by now", "pull request 9 is open again")


def test_a_plan_alone_removes_nothing_and_neither_does_a_list_that_can_not_be_had(copied: Live) -> None:
    copied.branch(1)
    before = copied.databases()
    planned = sweep.look(copied.bot, Forge({9}), Bounds())
    assert [one.name for one in planned.removals] == ["pr_1"]
    with pytest.raises(SweepRefusedError):
        swept(copied, Forge(set()))
    assert copied.databases() == before
    assert copied.branch(1).kept


def test_what_is_half_made_goes_unless_it_was_finished_meanwhile(copied: Live) -> None:
    copied.branch(1)
    copied.execute(f"CREATE DATABASE pr_2 OWNER {BRANCHER} ALLOW_CONNECTIONS false", "postgres")
    copied.execute(f"CREATE DATABASE pr_3 OWNER {BRANCHER} ALLOW_CONNECTIONS false", "postgres")
    copied.execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'pr_3'", "postgres")
    copied.execute("CREATE DATABASE live_gone_snapshot_v1 OWNER socle_brancher", "postgres")
    with connect(copied.bot) as connection:
        connection.execute("CREATE ROLE pr_4 LOGIN")
    forge = Forge({1, 2, 3, 4})
    planned = sweep.look(copied.bot, forge, Bounds())
    assert [(one.kind.value, one.name) for one in planned.removals] == [
        ("branch", "pr_2"),
        ("branch", "pr_3"),
        ("role", "pr_4"),
        ("snapshot", "live_gone_snapshot_v1"),
    ]
    copied.branch(2)
    report = sweep.apply(copied.bot, planned, forge)
    assert report.spared == ("pr_2 is needed by now",)
    left = copied.databases()
    assert {"pr_1", "pr_2"} <= left
    assert not {"pr_3", "live_gone_snapshot_v1"} & left
    assert copied.value("SELECT count(*) FROM pg_roles WHERE rolname IN ('pr_3', 'pr_4')") == 0


def test_a_build_that_is_running_is_left_alone(copied: Live) -> None:
    with connect(copied.server) as admin:
        admin.execute(f"CREATE DATABASE {copied.database}_snapshot_v9 OWNER {BRANCHER}".encode())
    with source.guard(copied.server, copied.database):
        planned = sweep.look(copied.bot, Forge({1}), Bounds())
        assert planned.removals == ()
    planned = sweep.look(copied.bot, Forge({1}), Bounds())
    assert [one.name for one in planned.removals] == [f"{copied.database}_snapshot_v9"]
    with source.guard(copied.server, copied.database):
        assert sweep.apply(copied.bot, planned, Forge({1})).removed == ()
    assert f"{copied.database}_snapshot_v9" in copied.databases()


def test_a_push_renews_and_a_lease_keeps(copied: Live) -> None:
    copied.branch(1, ttl_seconds=3600)
    copied.branch(2, ttl_seconds=3600)
    old = (datetime.now(UTC) - timedelta(hours=5)).isoformat(timespec="seconds")
    for name in ("pr_1", "pr_2"):
        text = copied.value(f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'")
        aged = text.replace(made(copied, name).created_at, old)
        copied.execute(f"COMMENT ON DATABASE {name} IS '{aged}'", "postgres")
    planned = sweep.look(copied.bot, Forge({1, 2}), Bounds())
    assert [one.reason for one in planned.removals] == ["no push for 5.0 h (its time to live is 1.0 h)"] * 2
    copied.branch(1, ttl_seconds=3600)
    assert made(copied, "pr_1").pushed_at > old
    with connect(copied.bot) as connection:
        lease.hold(connection, "pr_2", days=1)
    assert sweep.apply(copied.bot, planned, Forge({1, 2})).removed == ()
    assert sweep.look(copied.bot, Forge({1}), Bounds()).removals == ()
    with connect(copied.bot) as connection:
        assert lease.hold(connection, "pr_2", days=0) == ""
        with pytest.raises(SnapshotMissingError):
            lease.hold(connection, "pr_9", days=1)
    assert [one.name for one in sweep.look(copied.bot, Forge({1}), Bounds()).removals] == ["pr_2"]


def test_a_lease_between_the_plan_and_the_deed_keeps_the_stack_as_well(copied: Live) -> None:
    copied.branch(1)
    planned = sweep.look(copied.bot, Forge({9}), Bounds(), stacks=["pr-1", "local"])
    assert [(one.kind.value, one.name) for one in planned.removals] == [("stack", "pr-1"), ("branch", "pr_1")]
    with connect(copied.bot) as connection:
        lease.hold(connection, "pr_1", days=1)
    stacks: list[str] = []
    report = sweep.apply(copied.bot, planned, Forge({9}), stacks.append)
    assert (stacks, report.removed) == ([], ())
    assert copied.branch(1).kept, "no tombstone either"


def test_a_lease_and_a_look_at_once_lose_nothing(copied: Live) -> None:
    for number in range(1, 5):
        copied.branch(number)

    def hold(number: int) -> None:
        with connect(copied.bot) as connection:
            lease.hold(connection, f"pr_{number}", days=1)

    def observe(_: int) -> None:
        with connect(copied.bot) as connection:
            activity.observe(connection)

    sessions = [copied.log_in(f"pr_{number}", f"secret-{number}", f"pr_{number}") for number in range(1, 5)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: (hold if at % 2 else observe)(1 + at // 2 % 4), range(32)))
    for session in sessions:
        session.close()
    assert all(made(copied, f"pr_{number}").lease_until for number in range(1, 5))


def test_a_leased_snapshot_outlives_newer_ones(copied: Live) -> None:
    with connect(copied.bot) as connection:
        lease.hold(connection, f"{copied.database}_snapshot_v1", days=1)
    for _ in range(3):
        copied.build()
    assert [one.version for one in copied.found().of_source(copied.database)] == [1, 3, 4]


def test_sessions_are_remembered(copied: Live) -> None:
    copied.branch(1, idle_seconds=60)
    with connect(copied.bot) as connection:
        activity.observe(connection)
    assert made(copied, "pr_1").active_at == ""
    with copied.log_in("pr_1", "secret-1", "pr_1") as session:
        session.execute("SELECT 1")
        with connect(copied.bot) as connection:
            assert activity.uses(connection)["pr_1"].connected == 1
            activity.observe(connection)
    assert made(copied, "pr_1").active_at != ""
    assert copied.branch(1).kept


def test_a_quota_refuses_before_anything_is_made(copied: Live) -> None:
    copied.branch(1)
    full = Quota(per_application=1)
    with pytest.raises(QuotaExceededError, match="longest without a push: pr_1"):
        copied.branch(2, quota=full)
    assert "pr_2" not in copied.databases()
    assert copied.value("SELECT count(*) FROM pg_roles WHERE rolname = 'pr_2'") == 0
    assert copied.branch(1, quota=full).kept


def test_two_sweepers_at_once(copied: Live) -> None:
    for number in range(1, 7):
        copied.branch(number)
    plans = [sweep.look(copied.bot, Forge({1, 2, 3}), Bounds()) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda planned: sweep.apply(copied.bot, planned, Forge({1, 2, 3})), plans))
    assert {name for name in copied.databases() if name.startswith("pr_")} == {"pr_1", "pr_2", "pr_3"}
