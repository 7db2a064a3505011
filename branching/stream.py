"""Copies the tables' rows by several sessions at once, all of which see the source at the same moment."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

import psycopg

from branching import copy
from branching.connection import Connection
from branching.errors import BuildFailedError
from branching.progress import Progress, ProgressCallback
from branching.sink import OpenSession, Sinks
from branching.units import Unit

_LOOK_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What a build may take of the server."""

    sessions: int = 2
    """How many read, and as many write, at once."""
    bytes_per_second: int | None = None
    """Of rows read, by all sessions together; None is as fast as it goes."""
    give_way_seconds: float | None = 10.0
    """How long somebody may wait for a lock that the build has, a migration of the live database say, before the build
    gives up for it; None lets it wait."""


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Where rows come from and where they go."""

    source: Connection
    """The session that froze the source. It has the locks, so that it can always go on."""
    another_source: OpenSession
    target: OpenSession
    waiters: Callable[[], AbstractContextManager[Callable[[], bool]]]
    """Opens a question: does anybody wait for what the build has locked?"""


class _Stopped(Exception):  # noqa: N818 - no error: another session's is told
    """Another session failed."""


class _Work:
    """The units that are left, and what was done; shared by the sessions."""

    def __init__(self, units: Sequence[Unit], sinks: Sinks, pace: Pace, progress: ProgressCallback) -> None:
        self._sinks = sinks
        self.failure: BaseException | None = None
        self._left = deque(units)
        self._progress = progress
        self._total = sum(unit.bytes for unit in units)
        self._done = 0
        self._rate = pace.bytes_per_second
        self._due = time.monotonic()
        self._lock = threading.Lock()

    def take_part(self, source: Connection) -> None:
        """Copy units until none is left or another session failed."""
        try:
            while self.failure is None and (unit := self._next()) is not None:
                self._copy(source, unit)
        except BaseException as error:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Have all sessions stop. The first failure is the one that is told."""
        with self._lock:
            self.failure = self.failure or error

    def _next(self) -> Unit | None:
        with self._lock:
            return self._left.popleft() if self._left else None

    def _copy(self, source: Connection, unit: Unit) -> None:
        shown = 0

        def sent(size: int) -> None:
            nonlocal shown
            # Rows on their way are larger or smaller than on disk: a unit shows no more than its own size.
            step = min(size, unit.bytes - shown)
            shown += step
            self._sent(unit, step, size)

        copy.copy_unit(source, self._sinks, unit, sent)
        self._sent(unit, unit.bytes - shown, 0)

    def _sent(self, unit: Unit, step: int, size: int) -> None:
        if self.failure is not None:
            raise _Stopped
        with self._lock:
            self._done += step
            self._progress(Progress(phase="rows", table=unit.table.key, done=self._done, total=self._total))
            wait = self._wait(size)
        if wait > 0:
            time.sleep(wait)

    def _wait(self, size: int) -> float:
        if not self._rate:
            return 0
        now = time.monotonic()
        self._due = max(self._due, now) + size / self._rate
        return self._due - now


def stream(units: Sequence[Unit], ends: Ends, pace: Pace, progress: ProgressCallback) -> Mapping[str, int]:
    """Copy the units.

    Returns:
        The rows of each table, by key.

    Raises:
        BuildFailedError: the target refuses a row, named by table and constraint; or a session broke.
    """
    with Sinks(ends.target, units) as sinks:
        work = _Work(units, sinks, pace, progress)
        sinks.add_session()
        _together(work, ends, pace, min(pace.sessions, len(units)) - 1, sinks)
        return dict(sinks.rows)


def _together(work: _Work, ends: Ends, pace: Pace, further: int, sinks: Sinks) -> None:
    """Do the work in this thread and `further` others; all have ended when it returns or raises."""
    helpers = [
        threading.Thread(target=_help, args=(work, ends, sinks), name=f"copy {number}") for number in range(further)
    ]
    ended = threading.Event()
    if pace.give_way_seconds is not None:
        helpers.append(
            threading.Thread(target=_give_way, args=(work, ends, pace.give_way_seconds, ended), name="watch")
        )
    for helper in helpers:
        helper.start()
    try:
        work.take_part(ends.source)
    finally:
        ended.set()
        _wait_for(helpers)
    if work.failure is not None:
        raise work.failure


def _wait_for(helpers: Sequence[threading.Thread]) -> None:
    for helper in helpers:
        helper.join()


def _give_way(work: _Work, ends: Ends, patience: float, ended: threading.Event) -> None:
    """End the build when somebody has waited for it for too long: production comes first."""
    with suppress(psycopg.OperationalError), ends.waiters() as somebody_waits:
        since = time.monotonic()
        while not ended.wait(_LOOK_SECONDS):
            if not somebody_waits():
                since = time.monotonic()
            elif time.monotonic() - since >= patience:
                message = f"somebody waited {patience:g} s for a table that the build reads: it gave way"
                work.fail(BuildFailedError(message, "build again when the migration is done"))
                ends.source.cancel_safe()
                return


def _help(work: _Work, ends: Ends, sinks: Sinks) -> None:
    """A further session's part. One that can't begin leaves the work to the others."""
    try:
        with ends.another_source() as source:
            sinks.add_session()
            work.take_part(source)
    except psycopg.OperationalError:
        return  # no connection is left, or a migration waits for a table: the first session has the locks
    except BaseException as error:
        work.fail(error)
