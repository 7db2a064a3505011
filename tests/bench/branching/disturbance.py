"""How much the base notices: pgbench at a steady rate on the live database while copies are made."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from branching import branch
from branching.connection import connect, environment
from branching.stream import Pace
from tests.bench.branching.places import Place, sharing_tablespace, why_not_sharing
from tests.bench.branching.scenarios import KEEP, SALT, empty, fill
from tests.database.branching_support import create_live, destroy_live

RATE, CLIENTS = 100, 4
QUIET_SECONDS = 20
SETTLE_SECONDS = 10
LOGIN_EVERY_SECONDS = 0.25
BRANCHES = 20
BRANCH_EVERY_SECONDS = 3
SLOWER_MIB_A_SECOND = (20, 5)
NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Felt:
    """What the base's clients saw while something went on."""

    seconds: float
    transactions: int
    p50_ms: float
    p99_ms: float
    login_p99_ms: float
    wal_mib: float
    checkpoints: int


def all_of(place: Place, mib: int, step: Callable[[str], None]) -> list[tuple[str, Felt]]:
    """What went on, and what was felt meanwhile. `NOTHING` comes several times, since the machine isn't alone."""
    live = place.live
    create_live(live, "SELECT 1")
    try:
        step("filling")
        fill(place, "pgbench", mib)
        live.rules_file.write_text(KEEP.replace("abalance: keep, filler: keep", "abalance: keep, filler: hash"))
        live.execute("VACUUM (FREEZE, ANALYZE)")
        live.execute("CHECKPOINT")
        found: list[tuple[str, Felt]] = []

        def during(name: str, work: Callable[[], None]) -> None:
            step(name)
            found.append((name, _felt(place, work)))

        during(NOTHING, _nothing)
        during("a snapshot", lambda: _snapshot(place, Pace()))
        during(f"{BRANCHES} branches made and dropped", lambda: _branches(place))
        during(NOTHING, _nothing)
        for rate in SLOWER_MIB_A_SECOND:
            pace = Pace(sessions=1, bytes_per_second=rate * 2**20)
            during(f"a snapshot, 1 session, {rate} MB/s", lambda pace=pace: _snapshot(place, pace))
        during(NOTHING, _nothing)
        if not why_not_sharing():
            with sharing_tablespace(place) as tablespace:
                step("a snapshot in a tablespace")
                live.build(salt=SALT, tablespace=tablespace)
                live.execute("CHECKPOINT")
                during(f"{BRANCHES} branches in a tablespace on XFS with reflink", lambda: _branches(place))
            during(NOTHING, _nothing)
        during("pg_dump \\| psql, once", lambda: _dump(place))
        return found
    finally:
        destroy_live(live)


def _nothing() -> None:
    time.sleep(QUIET_SECONDS)


def _snapshot(place: Place, pace: Pace) -> None:
    place.live.build(salt=SALT, pace=pace)


def _branches(place: Place) -> None:
    """One after the other, each in the time that it has."""
    began = time.monotonic()
    for number in range(1, BRANCHES + 1):
        place.live.branch(number)
        branch.drop(place.live.bot, [f"pr_{number}"])
        time.sleep(max(0.0, began + number * BRANCH_EVERY_SECONDS - time.monotonic()))


def _dump(place: Place) -> None:
    with empty(place) as copy:
        place.shell(f"pg_dump {place.live.database} | psql -q -d {copy}")


def _felt(place: Place, work: Callable[[], None]) -> Felt:
    live = place.live
    live.execute("CHECKPOINT")
    # What came before must not be what is felt: the kernel may have much of it still to write.
    os.sync()
    time.sleep(SETTLE_SECONDS)
    before = _server(place)
    logins: list[float] = []
    ended = threading.Event()
    with tempfile.TemporaryDirectory(prefix="socle-pgbench-") as folder:
        variables = environment(live.server, live.database)
        command = [str(place.program("pgbench")), "-n", "-c", str(CLIENTS), "-R", str(RATE), "-T", "3600", "-l",
                   "--log-prefix", f"{folder}/log", live.database]  # fmt: skip
        load = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        caller = threading.Thread(target=_log_in, args=(place, ended, logins))
        caller.start()
        time.sleep(1)
        started = time.time()
        try:
            work()
        finally:
            seconds = time.time() - started
            ended.set()
            caller.join()
            load.terminate()
            load.wait()
        latencies = _latencies(Path(folder), started, started + seconds)
    after = _server(place)
    return Felt(
        seconds=seconds,
        transactions=len(latencies),
        p50_ms=_quantile(latencies, 0.5),
        p99_ms=_quantile(latencies, 0.99),
        login_p99_ms=_quantile(sorted(logins), 0.99),
        wal_mib=(after[0] - before[0]) / 2**20,
        checkpoints=after[1] - before[1],
    )


def _server(place: Place) -> tuple[int, int]:
    lsn = place.live.value("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn", "postgres")
    return int(lsn), int(place.live.value("SELECT num_done FROM pg_stat_checkpointer", "postgres"))


def _log_in(place: Place, ended: threading.Event, logins: list[float]) -> None:
    while not ended.wait(LOGIN_EVERY_SECONDS):
        started = time.monotonic()
        with connect(place.live.server, place.live.database):
            logins.append((time.monotonic() - started) * 1000)


def _latencies(folder: Path, start: float, end: float) -> list[float]:
    """Milliseconds from the moment a transaction was due to its end, of those that ended in between.

    A line of pgbench's log: client, number, latency in microseconds, script, seconds, microseconds, lag. With --rate
    the latency counts from the scheduled start (PostgreSQL's documentation, pgbench, "Per-Transaction Logging").
    """
    found = []
    for file in folder.glob("log.*"):
        for line in file.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if len(words) >= 6 and start <= int(words[4]) + int(words[5]) / 1e6 <= end:
                found.append(int(words[2]) / 1000)
    return sorted(found)


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")
