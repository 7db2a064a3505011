"""Warm branches on a real server: taken at once, each by one, never of an older snapshot."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from branching import branch, pool, sweep
from branching.sweep_plan import Bounds
from tests.database.branching_support import Live
from tests.database.test_branching_sweep import Forge

pytest_plugins = ["tests.database.branching_fixtures"]


@pytest.fixture
def copied(make_live: Callable[..., Live]) -> Live:
    live = make_live("CREATE TABLE t (a int); INSERT INTO t VALUES (1)", "tables:\n  public.t:\n    a: keep\n")
    live.build()
    return live


def warm(live: Live) -> list[str]:
    return [one.name for one in live.found().warm]


def test_a_warm_branch_is_as_any_other_and_ready_at_once(copied: Live) -> None:
    assert pool.fill(copied.bot, copied.database, 2).made == (
        f"{copied.database}_warm_v1_1",
        f"{copied.database}_warm_v1_2",
    )
    assert pool.fill(copied.bot, copied.database, 2).made == ()
    started = time.monotonic()
    info = copied.branch(1)
    assert time.monotonic() - started < 2
    assert info.warm
    assert info.metadata.strategy == "warm"
    assert warm(copied) == [f"{copied.database}_warm_v1_2"]
    with copied.log_in("pr_1", "secret-1", "pr_1") as session:
        assert session.execute("SELECT a FROM t").fetchone() == (1,)
        session.execute("CREATE TABLE mine (a int)")
    assert copied.branch(1).kept
    assert not copied.branch(2).kept
    assert not copied.branch(3).warm, "none is left"
    assert branch.reset(copied.bot, copied.branch_request(1)).metadata.strategy != "warm"


def test_nobody_enters_one_that_waits(copied: Live) -> None:
    [name] = pool.fill(copied.bot, copied.database, 1).made
    assert copied.value(f"SELECT datallowconn FROM pg_database WHERE datname = '{name}'", "postgres") is False


def test_each_is_taken_by_one(copied: Live) -> None:
    pool.fill(copied.bot, copied.database, 3)
    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(copied.branch, range(1, 7)))
    assert sum(1 for info in made if info.warm) == 3
    assert {f"pr_{number}" for number in range(1, 7)} <= copied.databases()
    assert warm(copied) == []


def test_copies_of_an_older_snapshot_go(copied: Live) -> None:
    pool.fill(copied.bot, copied.database, 1)
    copied.build()
    assert warm(copied) == []
    assert not copied.branch(1).warm
    pool.fill(copied.bot, copied.database, 3)
    assert len(pool.fill(copied.bot, copied.database, 1).dropped) == 2
    assert copied.branch(2, snapshot_version=1).warm is False
    assert warm(copied) == [f"{copied.database}_warm_v2_1"]


def test_a_sweep_keeps_those_that_wait_for_the_newest(copied: Live) -> None:
    pool.fill(copied.bot, copied.database, 1)
    copied.execute(
        f"CREATE DATABASE {copied.database}_warm_v9_1 OWNER socle_brancher ALLOW_CONNECTIONS false", "postgres"
    )
    planned = sweep.look(copied.bot, Forge({1}), Bounds())
    assert [one.name for one in planned.removals] == [f"{copied.database}_warm_v9_1"]
    sweep.apply(copied.bot, planned, Forge({1}))
    assert warm(copied) == [f"{copied.database}_warm_v1_1"]
