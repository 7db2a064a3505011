"""The server's disk runs full in the middle of a copy: a real filesystem of a few hundred megabytes.

The check that refuses a copy beforehand is told that there is room, as where the server is on another machine.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from branching import checksum, snapshot
from branching.errors import BranchingError, CopyFailedError
from branching.progress import Progress
from tests import loop_device
from tests.database.branching_support import Live
from tests.database.own_server import fixtures, own_server
from tools.embedded import account, postgres
from tools.embedded.layout import PostgresSpec

pytest_plugins = ["tests.database.branching_fixtures"]
_, server = fixtures()
pytestmark = pytest.mark.skipif(bool(loop_device.why_not("ext4")), reason=loop_device.why_not("ext4"))

MIB = 2**20
DISK = 1400 * MIB
"""More than the reserve that a copy must leave."""
ROWS = 200_000
SCHEMA = f"""CREATE TABLE t (id int PRIMARY KEY, note text, filler char(200));
INSERT INTO t SELECT i, 'x', 'y' FROM generate_series(1, {ROWS}) i"""
DISK_FULL = ("No space left on device", "DiskFull")
RULES = "tables:\n  public.t:\n    id: keep\n    note: hash\n    filler: keep\n"


@pytest.fixture(scope="module")
def disk() -> Iterator[tuple[Path, Path]]:
    """A home for a server, and the small filesystem that its data will lie on."""
    with tempfile.TemporaryDirectory(prefix="socle-test-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        at = account.place(home, "test", account.server_account()).parent
        with loop_device.mounted("ext4", DISK, Path(folder) / "disk.img", at):
            yield home, at


@pytest.fixture(scope="module")
def spec(server_major: int, disk: tuple[Path, Path]) -> Iterator[PostgresSpec]:
    with own_server(server_major, home=disk[0]) as spec:
        yield spec


@pytest.fixture
def live(make_live: Callable[..., Live]) -> Live:
    return make_live(SCHEMA, RULES)


class Ballast:
    """A file that leaves the filesystem as little room as is asked."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ballast"

    def leave(self, free: int) -> None:
        with self._file.open("wb") as file:
            block = bytes(MIB)
            for _ in range((shutil.disk_usage(self._file.parent).free - free) // MIB):
                file.write(block)

    def drop(self) -> None:
        self._file.unlink(missing_ok=True)


@pytest.fixture
def ballast(disk: tuple[Path, Path]) -> Iterator[Ballast]:
    ballast = Ballast(disk[1])
    yield ballast
    ballast.drop()


def plenty() -> int:
    return 2**40


@pytest.mark.parametrize("phase", ["rows", "indexes"])
def test_a_snapshot_that_finds_the_disk_full(live: Live, spec: PostgresSpec, ballast: Ballast, phase: str) -> None:
    before = checksum.of_database(live.server, live.database)
    left = False

    def fill(step: Progress) -> None:
        nonlocal left
        if step.phase == phase and not left:
            left = True
            ballast.leave(2 * MIB)

    with pytest.raises((BranchingError, psycopg.Error)) as failed:
        snapshot.build(live.request(salt="s" * 64, free_bytes=plenty), fill)
    assert any(word in str(failed.value) for word in DISK_FULL), failed.value
    ballast.drop()
    postgres.start(spec)
    assert live.found().published(live.database) == ()
    assert not before.differences(checksum.of_database(live.server, live.database))
    snapshot.build(live.request(salt="s" * 64))
    assert [one.published for one in live.found().of_source(live.database)] == [True]


def test_a_branch_that_finds_the_disk_full(live: Live, spec: PostgresSpec, ballast: Ballast) -> None:
    live.build(salt="s" * 64)
    before = checksum.of_database(live.server, live.database)
    ballast.leave(20 * MIB)
    # The second where the server itself went down for want of room in its WAL.
    with pytest.raises((CopyFailedError, psycopg.OperationalError)):
        live.branch(1, free_bytes=plenty)
    ballast.drop()
    postgres.start(spec)
    assert [one for one in live.found().branches if one.ready] == []
    assert not before.differences(checksum.of_database(live.server, live.database))
    live.branch(1)
    assert live.value("SELECT count(*) FROM t", "pr_1") == ROWS
