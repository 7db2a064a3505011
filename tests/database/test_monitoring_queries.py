"""The exporter's custom queries on a real server: run as CloudNativePG's exporter runs them, on real branching.

Doesn't prove that the exporter takes the ConfigMap; that it would is compared with its source in the unit tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from ruamel.yaml import YAML

from branching import tombstones
from branching.connection import connect
from components.monitoring import branching_queries, postgres_queries
from components.monitoring.queries import DATABASE, Query, Usage, render
from tests.database.branching_support import Live

pytest_plugins = ["tests.database.branching_fixtures"]

QUERIES = {query.name: query for query in (*branching_queries.QUERIES, *postgres_queries.QUERIES)}
STRANGE = (
    "",
    "just words",
    "{",
    '{"socle": {',
    '{"socle": {}}',
    '{"socle": {"kind": "branch"}}',
    '{"socle": {"kind": "branch", "application": "x", "created_at": "2026-02-31T99:99:99+00:00", "seconds": 1e400}}',
    '{"socle": {"kind": "branch", "application": "\\ud800", "created_at": "never", "pull_request": "12"}}',
    '{"socle": {"kind": "snapshot", "application": ["x"], "version": 99999999999999999999999999999999}}',
    '{"socle": {"kind": "snapshot", "application": "x", "content": "masked", "taken_at": "9999-99-99T99:99:99+00:00",'
    ' "version": 1, "seconds": -1}}',
)
"""Comments that anybody who owns a database could write."""


def run(live: Live, query: Query) -> list[Mapping[str, Any]]:
    """As createMonitoringTx of the exporter does it: read-only, as pg_monitor, the predicate first."""
    parameters = live.parameters(DATABASE)
    with psycopg.connect(**parameters, row_factory=dict_row) as connection:
        connection.read_only = True
        connection.execute("SET standard_conforming_strings TO on")
        connection.execute("SET ROLE TO pg_monitor")
        if query.predicate:
            found = connection.execute(query.predicate.encode()).fetchone()
            assert found is not None
            if not next(iter(found.values())):
                return []
        return connection.execute(query.sql.encode()).fetchall()


def of_application(live: Live, query: Query) -> Mapping[str, Any]:
    [row] = [row for row in run(live, query) if row["application"] == live.application]
    return row


def server_wide(live: Live) -> Mapping[str, Any]:
    [row] = run(live, branching_queries.SERVER)
    return row


def assert_exportable(query: Query, rows: list[Mapping[str, Any]]) -> None:
    """What the exporter asks of a result: the declared columns, numbers where it wants some, labels that differ."""
    labels = [column.name for column in query.columns if column.usage is Usage.LABEL]
    for row in rows:
        assert list(row) == [column.name for column in query.columns]
        for column in query.columns:
            value = row[column.name]
            if column.usage is Usage.LABEL:
                assert isinstance(value, str) and value
            else:
                assert value is None or float(value) >= 0
    told_apart = [tuple(row[name] for name in labels) for row in rows]
    assert len(told_apart) == len(set(told_apart))


@pytest.fixture
def strangers(live: Live) -> Iterator[tuple[str, ...]]:
    """Databases that branching didn't make, two of them with the looks of a snapshot and of a warm copy."""
    names = ("stranger", "pr_77", "pr_77_app", "x_snapshot_v1", "x_warm_v1_1")
    templates = "datname IN ('x_snapshot_v1', 'x_warm_v1_1')"
    for name in names:
        live.execute(f"CREATE DATABASE {name}", DATABASE)
    live.execute(f"UPDATE pg_database SET datistemplate = true, datallowconn = false WHERE {templates}", DATABASE)
    yield names
    live.execute(f"UPDATE pg_database SET datistemplate = false WHERE {templates}", DATABASE)
    for name in names:
        live.execute(f"DROP DATABASE {name}", DATABASE)


@pytest.fixture
def statements(live: Live) -> Iterator[None]:
    """The extension, where the queries look for it."""
    live.execute("CREATE EXTENSION pg_stat_statements", DATABASE)
    yield
    live.execute("DROP EXTENSION pg_stat_statements", DATABASE)


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.name)
def test_each_query_gives_what_it_declares(live: Live, statements: None, query: Query) -> None:
    live.build()
    live.branch(1)
    live.execute(f"ALTER ROLE {live.database} CONNECTION LIMIT 7", DATABASE)
    with live.log_in(live.database, "app", live.database) as session:
        session.execute("BEGIN; SELECT 1 FROM pg_class")
        rows = run(live, query)
    assert rows, "a query without rows would have proved nothing"
    assert_exportable(query, rows)


def test_a_snapshot_says_its_age_size_and_time(live: Live) -> None:
    report = live.build(probe=True)
    row = of_application(live, branching_queries.SNAPSHOTS)
    assert (row["content"], row["total"], row["newest_version"]) == ("masked", 1, 1)
    assert row["newest_build_seconds"] == pytest.approx(report.metadata.seconds)
    assert 0 <= row["newest_data_age_seconds"] < 120, "of the snapshot's own moment, not of the probe's within it"
    assert row["bytes"] == live.value(f"SELECT pg_database_size('{report.name}')", DATABASE)


def test_the_newest_version_is_the_one_whose_age_counts(live: Live) -> None:
    for _ in range(2):
        live.build()
    live.branch(1, snapshot_version=1)
    first = f"{live.database}_snapshot_v1"
    if first in live.databases():
        old = live.value(f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{first}'")
        aged = json.loads(old)
        aged["socle"]["taken_at"] = "2020-01-01T00:00:00+00:00"
        live.execute(f"COMMENT ON DATABASE {first} IS '{json.dumps(aged, sort_keys=True)}'", DATABASE)
    row = of_application(live, branching_queries.SNAPSHOTS)
    assert row["newest_version"] == 2
    assert row["newest_data_age_seconds"] < 120


def test_branches_are_counted_and_orphans_told(live: Live) -> None:
    live.build()
    none = of_application(live, branching_queries.BRANCHES)
    assert (none["total"], none["bytes"], none["oldest_age_seconds"], none["orphans"]) == (0, 0, 0, 0)
    made = [live.branch(number) for number in (1, 2)]
    row = of_application(live, branching_queries.BRANCHES)
    assert (row["total"], row["orphans"]) == (2, 0)
    assert row["slowest_copy_seconds"] == pytest.approx(max(one.metadata.seconds for one in made))
    assert 0 <= row["oldest_age_seconds"] < 120
    assert row["bytes"] == live.value("SELECT sum(pg_database_size(d)) FROM unnest('{pr_1,pr_2}'::name[]) d", DATABASE)
    try:
        with connect(live.server) as connection:
            tombstones.close(connection, 2)
        assert of_application(live, branching_queries.BRANCHES)["orphans"] == 1
        assert server_wide(live)["tombstones"] == 1
    finally:
        with connect(live.server) as connection:
            tombstones.reopen(connection, 2)


def test_a_half_dropped_branch_is_no_branch(live: Live) -> None:
    live.build()
    live.branch(1)
    before = server_wide(live)["half_dropped"]
    live.execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'pr_1'", DATABASE)
    assert server_wide(live)["half_dropped"] == before + 1
    assert of_application(live, branching_queries.BRANCHES)["total"] == 0


def test_a_strange_comment_breaks_nothing(live: Live, strangers: tuple[str, ...]) -> None:
    live.build()
    live.branch(1)
    with psycopg.connect(**live.parameters(DATABASE), autocommit=True) as connection:
        for comment in STRANGE:
            for name in strangers:
                said = sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(comment))
                connection.execute(said)
            for query in branching_queries.QUERIES:
                assert_exportable(query, run(live, query))
            assert of_application(live, branching_queries.BRANCHES)["total"] == 1, comment


def test_locks_that_sessions_wait_for_are_seen(live: Live) -> None:
    with (
        live.log_in(live.server.user, live.server.password, live.database) as holder,
        live.log_in(live.server.user, live.server.password, live.database) as waiter,
    ):
        holder.execute("BEGIN; LOCK TABLE communes")
        pid = waiter.info.backend_pid
        waiter.execute("SET lock_timeout = '20s'")
        waiter.pgconn.send_query(b"SELECT count(*) FROM communes")
        waiting = 0
        while not waiting:
            waiting = live.value(f"SELECT count(*) FROM pg_locks WHERE pid = {pid} AND waitstart IS NOT NULL")
        [wait] = [row for row in run(live, postgres_queries.LOCK_WAITS) if row["datname"] == live.database]
        modes = {row["mode"]: row for row in run(live, postgres_queries.LOCKS) if row["datname"] == live.database}
        holder.execute("ROLLBACK")
        while waiter.pgconn.get_result() is not None:
            pass
    assert wait["sessions"] == 1
    assert wait["longest_seconds"] > 0
    assert modes["AccessExclusiveLock"]["held"] == 1
    assert modes["AccessShareLock"]["waiting"] == 1


def test_branches_share_one_name_among_locks(live: Live) -> None:
    live.build()
    live.branch(1)
    with live.log_in("pr_1", "secret-1", "pr_1"):
        names = {row["datname"] for row in run(live, postgres_queries.LOCK_WAITS)}
    assert "pull requests" in names
    assert "pr_1" not in names


def test_a_role_with_a_limit_says_how_near_it_is(live: Live) -> None:
    live.execute(f"ALTER ROLE {live.database} CONNECTION LIMIT 7", DATABASE)
    with live.log_in(live.database, "app", live.database):
        [row] = [row for row in run(live, postgres_queries.ROLES) if row["rolname"] == live.database]
    assert (row["connections"], row["connection_limit"]) == (1, 7)


def test_statements_are_bounded_and_have_no_text(live: Live, statements: None) -> None:
    with live.log_in(live.database, "app", live.database) as session:
        for count in range(1, 31):
            session.execute(f"SELECT {', '.join(['1'] * count)}".encode())
        rows = [row for row in run(live, postgres_queries.TOP_STATEMENTS) if row["datname"] == live.database]
        [total] = [row for row in run(live, postgres_queries.QUERY_TIME) if row["datname"] == live.database]
    assert len(rows) == postgres_queries.STATEMENTS_PER_DATABASE
    assert total["calls_total"] >= 30
    assert all(set(row["queryid"]) <= set("-0123456789") for row in rows)


def test_without_the_extension_nothing_is_asked_of_it(live: Live) -> None:
    assert run(live, postgres_queries.QUERY_TIME) == []


def test_the_config_map_holds_the_same_queries() -> None:
    read = YAML(typ="safe").load(render(QUERIES.values()))
    assert {name: one["query"] for name, one in read.items()} == {name: one.sql for name, one in QUERIES.items()}
    assert {name: [next(iter(column)) for column in one["metrics"]] for name, one in read.items()} == {
        name: [column.name for column in one.columns] for name, one in QUERIES.items()
    }
