"""The probe on a real server, and what a branch is predicted to cost."""

from __future__ import annotations

from branching import branch, lock, probe
from branching.connection import connect
from branching.measures import MIB, Measures
from branching.strategy import Strategy
from tests.database.branching_support import Live

pytest_plugins = ["tests.database.branching_fixtures"]


def test_a_probe_measures_and_leaves_nothing(live: Live) -> None:
    before = live.databases()
    with connect(live.server) as connection:
        found = probe.measure(live.server, connection)
    assert found is not None
    assert found.server_version >= 150000
    assert 0 < found.wal_log_base_seconds < 10
    assert 0 < found.file_copy_base_seconds < 10
    assert 5 * MIB < found.wal_log_bytes_per_second < 20_000 * MIB
    assert 5 * MIB < found.file_copy_bytes_per_second < 20_000 * MIB
    assert live.databases() == before


def test_what_a_killed_probe_left_goes_and_what_is_somebodys_stays(live: Live) -> None:
    live.execute("CREATE DATABASE socle_probe", "postgres")
    live.execute(f"CREATE DATABASE socle_probe_copy OWNER {live.database}", "postgres")
    try:
        with connect(live.server) as connection:
            assert probe.measure(live.server, connection) is None, "its copy would take somebody's name"
        assert "socle_probe_copy" in live.databases()
        assert "socle_probe" not in live.databases()
    finally:
        live.execute("DROP DATABASE socle_probe_copy", "postgres")


def test_two_probes_at_once_are_one(live: Live) -> None:
    with connect(live.server) as one, connect(live.server) as other:
        assert lock.acquire(one, "probe") is None
        assert probe.measure(live.server, other) is None


def test_a_snapshot_remembers_and_the_next_one_takes_it_over(live: Live) -> None:
    first = live.build(probe=True).metadata.measures
    assert Measures.from_plain(first) is not None
    assert live.build(probe=True).metadata.measures == first


def test_a_prediction_changes_nothing_and_says_what_is_done(live: Live) -> None:
    live.build()
    before = live.databases()
    predicted = branch.predict(live.bot, live.branch_request(1))
    assert predicted is not None
    assert predicted.strategy is Strategy.WAL_LOG
    assert live.databases() == before
    info = live.branch(1)
    assert info.strategy is predicted.strategy
    assert info.metadata.strategy == "WAL_LOG"
    assert info.metadata.bytes > 0
    assert branch.predict(live.bot, live.branch_request(1)) is None
