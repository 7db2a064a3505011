"""Runs a pull request's migrations on its branch and records what they lock, for how long, and what they rewrite.

The branch has production's amount of data, so what is slow here is slow there. Locks are sampled: what is held for less
than two samples may be missed, and each time is accurate to one.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from branching.connection import Connection, Server, connect

SAMPLE_SECONDS = 0.02
THRESHOLD_SECONDS = 10.0
STRONGEST = "AccessExclusiveLock"
_STATEMENT_LENGTH = 200

_LOCKS = """
    SELECT l.pid, n.nspname || '.' || c.relname, l.mode, l.granted, left(a.query, %s)
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.pid <> pg_backend_pid()
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"""
_FILES = """
    SELECT c.oid, n.nspname || '.' || c.relname, pg_relation_filenode(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"""


@dataclass(frozen=True, kw_only=True)
class Held:
    """One lock on one table, from when it was granted until it was gone."""

    table: str
    mode: str
    """As pg_locks says it: `AccessExclusiveLock`."""
    seconds: float
    statement: str
    """What the session ran when the lock was first seen."""


@dataclass(frozen=True, kw_only=True)
class MigrationReport:
    """What the migrations did to the tables that were there before."""

    exit_status: int
    seconds: float
    held: tuple[Held, ...]
    """The longest first."""
    rewritten: tuple[str, ...]
    """Tables that have other files than before: each of their rows was written again, or all were removed."""
    threshold_seconds: float

    @property
    def too_long(self) -> tuple[Held, ...]:
        """Locks that keep everybody out for longer than is allowed."""
        return tuple(one for one in self.held if one.mode == STRONGEST and one.seconds > self.threshold_seconds)

    @property
    def passed(self) -> bool:
        """Whether the command ended well and held no lock for too long."""
        return self.exit_status == 0 and not self.too_long


@dataclass
class _Lock:
    first: float
    last: float
    statement: str


@dataclass
class _Recorder:
    """Samples until it is told to stop."""

    connection: Connection
    tables: frozenset[str]
    """Those that were there before: a new table's locks keep nobody out."""
    ended: threading.Event = field(default_factory=threading.Event)
    seen: dict[tuple[int, str, str], _Lock] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.ended.wait(SAMPLE_SECONDS):
                self.sample(time.monotonic())
        except BaseException as error:
            self.failure = error

    def sample(self, moment: float) -> None:
        rows = self.connection.execute(_LOCKS, (_STATEMENT_LENGTH,)).fetchall()
        now = {
            (int(str(pid)), str(table), str(mode)): str(statement)
            for pid, table, mode, granted, statement in rows
            if granted and table in self.tables
        }
        for key, statement in now.items():
            lock = self.seen.setdefault(key, _Lock(moment, moment, statement))
            lock.last = moment
        for key in [key for key in self.seen if key not in now]:
            self._close(key, moment)

    def close(self) -> None:
        for key in list(self.seen):
            self._close(key, time.monotonic())

    def _close(self, key: tuple[int, str, str], moment: float) -> None:
        lock = self.seen.pop(key)
        seconds = round(min(moment, lock.last + SAMPLE_SECONDS) - lock.first, 3)
        self.held.append(Held(table=key[1], mode=key[2], seconds=seconds, statement=lock.statement))


def check(
    server: Server,
    branch: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    threshold_seconds: float = THRESHOLD_SECONDS,
) -> MigrationReport:
    """Run `command`, which migrates the branch, and watch it.

    Args:
        server: with a role that sees other sessions' statements (an administrator, or a member of pg_read_all_stats).
        branch: the database.
        command: what to run; it logs in to the branch by itself.
        environment: all of its variables.
        threshold_seconds: how long an ACCESS EXCLUSIVE lock may be held.

    Raises:
        OSError: the command can't be run.
    """
    with connect(server, branch) as watching, connect(server, branch) as connection:
        before = {row[0]: row for row in connection.execute(_FILES).fetchall()}
        recorder = _Recorder(watching, frozenset(str(name) for _, name, _ in before.values()))
        thread = threading.Thread(target=recorder.run)
        started = time.monotonic()
        thread.start()
        try:
            status = subprocess.run(command, env=dict(environment), check=False).returncode
        finally:
            recorder.ended.set()
            thread.join()
        seconds = time.monotonic() - started
        recorder.close()
        if recorder.failure is not None:
            raise recorder.failure
        after = {row[0]: row[2] for row in connection.execute(_FILES).fetchall()}
    rewritten = sorted(str(name) for oid, name, file in before.values() if oid in after and after[oid] != file)
    return MigrationReport(
        exit_status=status,
        seconds=round(seconds, 3),
        held=tuple(sorted(recorder.held, key=lambda one: -one.seconds)),
        rewritten=tuple(rewritten),
        threshold_seconds=threshold_seconds,
    )
