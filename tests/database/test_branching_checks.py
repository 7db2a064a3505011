"""What a branch has become, and what its migrations did: on a real server."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from branching import migration_check, schema_diff
from branching.migration_check import MigrationReport
from tests.database.branching_support import Live

pytest_plugins = ["tests.database.branching_fixtures"]

SCHEMA = """
CREATE TABLE people (id int PRIMARY KEY, name text);
CREATE TABLE teams (id int PRIMARY KEY);
CREATE VIEW names AS SELECT name FROM people;
INSERT INTO people SELECT i, 'x' FROM generate_series(1, 1000) i;
"""
RULES = "tables:\n  public.people:\n    id: keep\n    name: keep\n  public.teams:\n    id: keep\n"


@pytest.fixture
def copied(make_live: Callable[..., Live]) -> Live:
    live = make_live(SCHEMA, RULES)
    live.build()
    live.branch(1)
    return live


def test_a_branch_differs_by_what_was_done_in_it(copied: Live) -> None:
    compare = lambda: schema_diff.of(copied.server, copied.database, "pr_1", copied.pg_dump)  # noqa: E731
    assert compare().empty
    with copied.log_in("pr_1", "secret-1", "pr_1") as session:
        session.execute("CREATE TABLE mine (a int)")
        session.execute("DROP VIEW names")
        session.execute("ALTER TABLE people ADD COLUMN born date")
        session.execute("CREATE INDEX ON people (born)")
    found = compare()
    assert list(map(str, found.added)) == ["INDEX public.people_born_idx", "TABLE public.mine"]
    assert list(map(str, found.removed)) == ["VIEW public.names"]
    assert {str(key): text for key, text in found.changed.items()} == {
        "TABLE public.people": "-    name text\n+    name text,\n+    born date"
    }


def migrated(live: Live, statements: str, threshold: float = 10) -> MigrationReport:
    url = f"host={live.server.host} port={live.server.port} user=pr_1 password=secret-1 dbname=pr_1 sslmode=verify-full"
    program = f"import psycopg; psycopg.connect('{url} sslrootcert={live.server.sslrootcert}').execute({statements!r})"
    return migration_check.check(live.server, "pr_1", [sys.executable, "-c", program], os.environ, threshold)


def test_locks_and_rewrites_are_recorded(copied: Live) -> None:
    report = migrated(
        copied,
        "ALTER TABLE people ALTER COLUMN id TYPE bigint; LOCK teams IN SHARE MODE; CREATE TABLE mine (a int);"
        " LOCK mine; SELECT pg_sleep(0.4); COMMIT",
    )
    assert report.passed
    assert report.rewritten == ("public.people",)
    held = {(one.table, one.mode): one for one in report.held}
    assert 0.2 < held["public.people", "AccessExclusiveLock"].seconds < 3
    assert 0.2 < held["public.teams", "ShareLock"].seconds < 3
    assert "ALTER TABLE people" in held["public.people", "AccessExclusiveLock"].statement
    assert not [one for one in report.held if one.table == "public.mine"], "nobody waits for a new table"


def test_a_lock_that_is_held_for_too_long_fails(copied: Live) -> None:
    slow = "LOCK people; SELECT pg_sleep(0.6); COMMIT"
    report = migrated(copied, slow, threshold=0.3)
    assert not report.passed
    assert [(one.table, one.mode) for one in report.too_long] == [("public.people", "AccessExclusiveLock")]
    assert migrated(copied, slow, threshold=5).passed


def test_a_command_that_fails_fails(copied: Live) -> None:
    report = migrated(copied, "SELECT 1/0")
    assert (report.exit_status, report.passed, report.held) == (1, False, ())
