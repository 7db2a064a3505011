"""How long a sweep's plan takes on a server with many branches, and how many connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from branching import branch_plan, sweep
from branching.branch_drop import AT_ONCE
from branching.connection import connect
from branching.metadata import BranchMetadata, encode, stamp
from branching.sweep_plan import Bounds
from tests.bench.branching.places import Place
from tests.database.branching_support import create_live, destroy_live

DATABASES = 500
CLOSED = 100


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One plan."""

    databases: int
    removals: int
    seconds: float
    connections: int


class Forge:
    """Knows which pull requests are open; the first are not."""

    def open(self) -> frozenset[int]:
        return frozenset(range(CLOSED + 1, DATABASES + 1))

    def is_open(self, number: int) -> bool:
        return number in self.open()


def plan(place: Place, step: Callable[[str], None]) -> Planned:
    """Look at a server with `DATABASES` branches of which `CLOSED` belong to closed pull requests."""
    live = place.live
    create_live(live, "CREATE TABLE t (id int)")
    try:
        live.rules_file.write_text("tables:\n  public.t: {id: keep}\n")
        live.build()
        with _branches(place, step):
            step("a plan")
            before, started = _connections(place), time.monotonic()
            found = sweep.look(live.bot, Forge(), Bounds())
            seconds = time.monotonic() - started
            return Planned(
                databases=DATABASES,
                removals=len(found.removals),
                seconds=seconds,
                connections=_connections(place) - before - 1,
            )
    finally:
        destroy_live(live)


@contextmanager
def _branches(place: Place, step: Callable[[str], None]) -> Iterator[None]:
    """One real branch, and others that differ from it by name and number only."""
    live = place.live
    live.branch(1)
    [metadata] = [one.metadata for one in live.found().branches if isinstance(one.metadata, BranchMetadata)]
    old = stamp(datetime.now(UTC) - timedelta(days=1))

    def make(number: int) -> None:
        own = replace(metadata, pull_request=number, created_at=old)
        with connect(live.bot) as connection:
            connection.execute(f"CREATE DATABASE pr_{number} TEMPLATE template0 STRATEGY WAL_LOG".encode())
            connection.execute(branch_plan.comment(f"pr_{number}", encode(own)))

    def drop(name: str) -> None:
        with connect(live.server) as connection:
            connection.execute(f"DROP DATABASE {name}".encode())

    with ThreadPoolExecutor(AT_ONCE) as pool:
        step(f"{DATABASES} databases")
        list(pool.map(make, range(2, DATABASES + 1)))
        try:
            yield
        finally:
            list(pool.map(drop, [one.name for one in live.found().branches]))


def _connections(place: Place) -> int:
    """Sessions that the server has had in all databases; the question is one itself."""
    query = "SELECT sum(sessions) FROM pg_stat_database"
    return int(place.live.value(query, "postgres"))
