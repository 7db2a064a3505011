"""Rows on their way from a real server to a real server: every type, by ranges, by several sessions, at a pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from branching import copy, snapshot, source, units
from branching.connection import Connection, connect
from branching.errors import BuildFailedError
from branching.masking import rules, rules_file
from branching.progress import Progress, ignore
from branching.source import FrozenSource, Reader
from branching.stream import Ends, Pace, stream
from tests.database.branching_support import Live

pytest_plugins = ["tests.database.branching_fixtures"]

TYPES = """
CREATE EXTENSION citext; CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TYPE pair AS (a int, b mood);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE TABLE plain (id int PRIMARY KEY, a bigint, b numeric(20,5), c double precision, d real, e boolean, f bytea,
    g date, h timestamp(3), i timestamptz, j interval, k uuid, l json, m jsonb, n inet, o cidr, p macaddr, q bit(5),
    r bit varying, s int[], t text[], u numeric[], v int4range, w tstzmultirange, x point, y varchar(10), z char(5),
    aa time with time zone, ab tsvector, ac positive, ad timestamptz[]);
CREATE TABLE odd (id int PRIMARY KEY, a mood, b mood[], c pair, d citext, e hstore, f span, g regclass, h money, i xml,
    j oid, k "char", l pair[], m positive[], n pg_lsn);
INSERT INTO plain VALUES
    (1, 9223372036854775807, 'NaN', 'infinity', '-0', true, '\\x00ff', '0044-03-15 BC', '-infinity', 'infinity',
     '-1 year 2 days 03:04:05.000006', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a" : 1}', '{"b": [1.50, null]}',
     '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', B'10110', B'1', '{{1,2},{3,NULL}}', '{"a,b","\\"",NULL,""}', '{1.10}',
     '[1,5)', '{[2026-01-01,2026-02-01)}', '(1.1,2.2)', 'naïve ☃', 'ab', '04:05:06.789-08', 'fat:1A & cat', 7,
     '{infinity,2026-01-01 00:00:00+02}');
INSERT INTO plain (id) VALUES (2);
INSERT INTO odd VALUES (1, 'cross', '{calm,NULL}', '(1,cross)', 'MiXed', 'a=>1,"b c"=>NULL', '[1.5,2.5)', 'plain',
    12.34, '<a>é</a>', 4000000000, 'x', '{"(1,calm)"}', '{1,2}', '16/B374D848');
INSERT INTO odd (id) VALUES (2);
CREATE TABLE bulk (id int, note text);
INSERT INTO bulk SELECT i, repeat('x', i % 50) FROM generate_series(1, 20000) i;
DELETE FROM bulk WHERE id % 3 = 0;
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;
"""


def keep_all(live: Live) -> str:
    with connect(live.server, live.database) as connection:
        tables = source.read(connection, "").tables
    lines = "\n".join(
        f"  public.{table.name}:\n" + "\n".join(f"    {column.name}: keep" for column in table.columns)
        for table in tables
    )
    live.rules_file.write_text(f"tables:\n{lines}\n")
    return str(live.rules_file)


@pytest.fixture
def typed(make_live: Callable[..., Live]) -> Live:
    """A live application with a value of every kind of type, and a table large enough to be cut."""
    live = make_live(TYPES, "tables: {}")
    keep_all(live)
    return live


def rows_of(live: Live, table: str, database: str = "") -> str:
    return str(live.value(f"SELECT string_agg(t::text, '|' ORDER BY t::text) FROM {table} t", database))


@pytest.mark.parametrize("sessions", [1, 3])
def test_every_type_comes_through_as_it_was(typed: Live, sessions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "RANGE_BYTES", 64 * 1024)
    monkeypatch.setattr(units, "FROZEN_BYTES", 0)
    report = typed.build(pace=Pace(sessions=sessions))
    typed.branch(1)
    for table in ("plain", "odd", "bulk"):
        assert rows_of(typed, table, "pr_1") == rows_of(typed, table)
    assert report.rows["public.bulk"] == typed.value("SELECT count(*) FROM bulk")
    assert report.rows["public.no_columns"] == typed.value("SELECT count(*) FROM no_columns", "pr_1") == 2


@pytest.mark.parametrize("sessions", [1, 3])
def test_rows_are_frozen_as_they_are_written_however_many_read(
    typed: Live, monkeypatch: pytest.MonkeyPatch, sessions: int
) -> None:
    monkeypatch.setattr(units, "FROZEN_BYTES", 0)
    monkeypatch.setattr(units, "RANGE_BYTES", 64 * 1024)
    with frozen(typed) as live, target(typed) as name:
        assert copy_all(typed, live, name, Pace(sessions=sessions)) == typed.value("SELECT count(*) FROM bulk")
        typed.execute("CREATE EXTENSION pg_visibility", name)
        # All rows are; a page that two batches share is marked so by VACUUM only.
        assert typed.value("SELECT count(*) FILTER (WHERE all_frozen) > 0.7 * count(*) FROM pg_visibility_map('bulk')",
                           name)  # fmt: skip


@contextmanager
def frozen(live: Live) -> Iterator[FrozenSource]:
    with connect(live.server, live.database) as connection:
        seen = source.read(connection, "")
    with source.frozen(Reader(server=live.server, lock_wait_seconds=5), seen) as one:
        yield one


@contextmanager
def target(live: Live) -> Iterator[str]:
    """A database with the same tables, none of them with a row."""
    name = f"{live.database}_copy"
    with connect(live.server) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            live.execute("CREATE TABLE bulk (id int, note text)", name)
            yield name
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def copy_all(live: Live, one: FrozenSource, name: str, pace: Pace) -> int:
    classification = rules.classify(rules_file.load(live.rules_file), one.catalog.tables)
    bulk = [table for table in units.with_rows(one.catalog) if table.name == "bulk"]
    ends = Ends(
        source=one.connection,
        another_source=one.another_session,
        target=lambda: _session(live, name),
        waiters=one.waiters,
    )
    return stream(units.cut(bulk, classification, sessions=pace.sessions), ends, pace, ignore)["public.bulk"]


@contextmanager
def _session(live: Live, name: str) -> Iterator[Connection]:
    with connect(live.server, name) as connection:
        yield connection


def test_while_a_migration_waits_the_session_that_has_the_locks_copies_alone(
    typed: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "RANGE_BYTES", 64 * 1024)
    with frozen(typed) as one, target(typed) as name:
        migration = threading.Thread(target=typed.execute, args=("ALTER TABLE bulk ADD COLUMN late int",))
        migration.start()
        try:
            _until(lambda: bool(typed.value("SELECT count(*) FROM pg_locks WHERE NOT granted", "postgres")))
            with pytest.raises(psycopg.errors.LockNotAvailable), one.another_session():
                pass
            assert copy_all(typed, one, name, Pace(sessions=4)) == 13334
        finally:
            one.connection.rollback()
            migration.join()


def test_a_build_gives_way_to_a_migration_that_waits(typed: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Pace(sessions=1, bytes_per_second=20_000, give_way_seconds=0.5)
    begun, altered = threading.Event(), []

    def migrate() -> None:
        begun.wait(30)
        started = time.monotonic()
        typed.execute("ALTER TABLE bulk ADD COLUMN late int")
        altered.append(time.monotonic() - started)

    monkeypatch.setattr(copy, "_CHUNK", 4096)
    migration = threading.Thread(target=migrate)
    migration.start()
    try:
        with pytest.raises(BuildFailedError, match=r"somebody waited 0\.5 s for a table that the build reads"):
            snapshot.build(typed.request(pace=slow), lambda step: begun.set() if step.phase == "rows" else None)
    finally:
        begun.set()
        migration.join()
    assert altered[0] < 5
    assert not [name for name in typed.databases() if "_snapshot_v" in name and typed.database in name]


def _until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def test_a_value_that_the_copy_refuses_ends_all_sessions_and_leaves_nothing(
    make_live: Callable[..., Live], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "RANGE_BYTES", 64 * 1024)
    live = make_live(
        "CREATE TABLE bulk (id int, note text NOT NULL);"
        "INSERT INTO bulk SELECT i, 'x' FROM generate_series(1, 20000) i",
        "tables:\n  public.bulk:\n    id: keep\n    note: {sql: 'nullif(id, 19000)::text'}\n",
    )
    with pytest.raises(BuildFailedError, match=r"public\.bulk: NotNullViolation \(23502\) at column note"):
        live.build(pace=Pace(sessions=3))
    assert not [name for name in live.databases() if "_snapshot_v" in name and live.database in name]
    assert live.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'socle branching'") == 0


def test_a_pace_is_kept(typed: Live) -> None:
    size = typed.value("SELECT sum(length(id::text) + length(note) + 2) FROM bulk")
    with frozen(typed) as one, target(typed) as name:
        started = time.monotonic()
        copy_all(typed, one, name, Pace(sessions=1, bytes_per_second=int(size) // 2))
        slow = time.monotonic() - started
    assert 1.5 < slow < 6


def test_progress_grows_to_its_end(typed: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "RANGE_BYTES", 64 * 1024)
    seen: list[Progress] = []
    snapshot.build(typed.request(pace=Pace(sessions=3)), seen.append)
    rows = [step for step in seen if step.phase == "rows"]
    assert [step.done for step in rows] == sorted(step.done for step in rows)
    assert rows[-1].done == rows[-1].total > 0
    assert [step.phase for step in seen if step.phase != "rows"] == ["schema", "indexes", "vacuum", "verify", "publish"]
