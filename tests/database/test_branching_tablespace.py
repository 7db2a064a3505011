"""Snapshots and branches in a place of their own: a tablespace, on another filesystem than the live database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from branching import pool
from branching.errors import ServerRefusedError
from branching.measures import Measures
from tests import loop_device
from tests.database.branching_support import Live, tablespace
from tests.database.own_server import fixtures

pytest_plugins = ["tests.database.branching_fixtures"]
spec, server = fixtures()

WHERE = """SELECT string_agg(DISTINCT t.spcname, ' ') FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace
WHERE d.datname = """


@pytest.fixture
def previews(live: Live) -> Iterator[None]:
    """On the same filesystem as everything."""
    with tablespace(live, Path(live.value("SHOW data_directory", "postgres")).parent / "previews"):
        yield


@pytest.mark.usefixtures("previews")
def test_a_snapshot_its_branches_and_warm_copies_lie_in_it(live: Live) -> None:
    live.build()
    live.branch(1)
    report = live.build(tablespace="previews", probe=True)
    live.branch(2)
    pool.fill(live.bot, live.database, 1)
    [warm] = [one.name for one in live.found().warm]
    assert live.value(f"{WHERE}'pr_1'") == "pg_default"
    assert {live.value(f"{WHERE}'{name}'") for name in (report.name, "pr_2", warm)} == {"previews"}
    assert live.value(f"{WHERE}'{live.database}'") == "pg_default"
    assert live.value("SELECT count(*) FROM people", "pr_2") == 5000
    measures = Measures.from_plain(report.metadata.measures)
    assert measures is not None
    assert measures.tablespace == "previews"


@pytest.mark.usefixtures("previews")
def test_one_that_is_not_there_or_may_not_be_used_is_refused_before_anything_is_made(live: Live) -> None:
    before = live.databases()
    with pytest.raises(ServerRefusedError, match="no tablespace preview; it has previews"):
        live.build(tablespace="preview")
    assert live.databases() == before


@pytest.mark.skipif(bool(loop_device.why_not("xfs")), reason=loop_device.why_not("xfs"))
def test_one_that_shares_blocks_is_found_out(live: Live, server_major: int) -> None:
    data = Path(live.value("SHOW data_directory", "postgres"))
    with (
        tempfile.TemporaryDirectory(prefix="socle-test-") as folder,
        loop_device.mounted("xfs", 2 * 2**30, Path(folder) / "xfs.img", data.parent / "xfs") as at,
        tablespace(live, at / "previews") as name,
    ):
        measures = Measures.from_plain(live.build(tablespace=name, probe=True).metadata.measures)
        assert measures is not None
        # file_copy_method came with PostgreSQL 18.
        assert measures.shares_blocks == (server_major >= 18)
