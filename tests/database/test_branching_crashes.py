"""The server dies, connections break, many come at once: nothing is lost or seen half-made, the next run repairs."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg
import pytest

from branching import branch, checksum, snapshot
from branching.branch_plan import Limits
from branching.connection import connect
from branching.errors import BranchingError
from branching.progress import Progress
from tests.database.branching_support import Live
from tests.database.own_server import fixtures
from tools.embedded import postgres
from tools.embedded.layout import PostgresSpec

pytest_plugins = ["tests.database.branching_fixtures"]
spec, server = fixtures()

PHASES = ["schema", "rows", "indexes", "vacuum", "verify", "publish"]


@pytest.fixture
def live(make_live: Callable[..., Live]) -> Live:
    schema = (
        "CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t SELECT i, 'x' FROM generate_series(1, 5000) i"
    )
    return make_live(schema, "tables:\n  public.t:\n    id: keep\n    note: hash\n")


def crash(live: Live, spec: PostgresSpec) -> None:
    """Kill every process of the server, as a machine does that loses its power, and start it again."""
    data = Path(live.value("SHOW data_directory", "postgres"))
    postmaster = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
    family = [postmaster, *postmaster.children(recursive=True)]
    for one in family:
        os.kill(one.pid, signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)
    postgres.start(spec)


def once_at(phase: str, act: Callable[[], None]) -> Callable[[Progress], None]:
    """A progress callback that acts the first time that it sees `phase`."""
    acted = threading.Event()

    def see(step: Progress) -> None:
        if step.phase == phase and not acted.is_set():
            acted.set()
            act()

    return see


def repaired(live: Live, before: checksum.Checksum) -> None:
    """Nothing of the failed build is published, the live database is as it was, and the next build works."""
    assert live.found().published(live.database) == ()
    report = snapshot.build(live.request(salt="s" * 64))
    assert [one.version for one in live.found().published(live.database)] == [report.metadata.version]
    assert [one for one in live.found().of_source(live.database) if not one.published] == []
    assert not before.differences(checksum.of_database(live.server, live.database))
    live.branch(1)
    assert live.value("SELECT count(*) FROM t", "pr_1") == 5000


@pytest.mark.parametrize("phase", PHASES)
def test_the_server_dies_in_the_middle_of_a_build(live: Live, spec: PostgresSpec, phase: str) -> None:
    before = checksum.of_database(live.server, live.database)
    with pytest.raises((BranchingError, psycopg.Error)):
        snapshot.build(live.request(salt="s" * 64), once_at(phase, lambda: crash(live, spec)))
    repaired(live, before)


@pytest.mark.parametrize("phase", PHASES)
def test_all_connections_break_in_the_middle_of_a_build(live: Live, phase: str) -> None:
    before = checksum.of_database(live.server, live.database)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'socle branching'"
    with pytest.raises((BranchingError, psycopg.Error)):
        snapshot.build(live.request(salt="s" * 64), once_at(phase, lambda: live.execute(end, "postgres")))
    repaired(live, before)


def test_the_server_dies_while_branches_are_made(live: Live, spec: PostgresSpec) -> None:
    live.build(salt="s" * 64)

    def make(number: int) -> bool:
        try:
            live.branch(number)
        except (BranchingError, psycopg.Error):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        made = pool.map(make, range(1, 17))
        time.sleep(0.5)
        crash(live, spec)
        list(made)
    for number in range(1, 17):
        live.branch(number)
        assert live.value("SELECT count(*) FROM t", f"pr_{number}") == 5000


def test_fifty_branches_at_once_from_one_snapshot(live: Live) -> None:
    live.build(salt="s" * 64)
    with ThreadPoolExecutor(50) as pool:
        made = list(pool.map(live.branch, range(1, 51)))
    assert {info.metadata.snapshot_version for info in made} == {1}
    assert len([one for one in live.found().branches if one.ready]) == 50
    branch.drop(live.bot, [f"pr_{number}" for number in range(1, 51)])
    assert live.found().branches == ()


def test_a_drop_with_fifty_sessions_open(live: Live) -> None:
    live.build(salt="s" * 64)
    live.branch(1, limits=Limits(connections=60))
    with ExitStack() as open_:
        for _ in range(50):
            session = live.log_in("pr_1", "secret-1", "pr_1")
            open_.callback(session.close)
            session.execute("BEGIN; SELECT count(*) FROM t")
        started = time.monotonic()
        branch.drop(live.bot, ["pr_1"])
        assert time.monotonic() - started < 10
    assert "pr_1" not in live.databases()


def test_snapshots_are_refreshed_while_branches_are_made(live: Live) -> None:
    live.build(salt="s" * 64)
    with ThreadPoolExecutor(5) as pool:
        refreshed = pool.submit(lambda: [live.build(salt="s" * 64) for _ in range(4)])
        made = list(pool.map(live.branch, range(1, 13)))
        refreshed.result()
    assert len(made) == 12
    for info in made:
        with connect(live.server, info.name) as connection:
            assert connection.execute("SELECT count(*) FROM public.t").fetchone() == (5000,)
