"""Snapshots without the source's rows: the definitions alone, invented rows, and tables that stay empty."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from branching.errors import RulesError, SnapshotMissingError
from branching.metadata import Content
from tests.database.branching_support import CANARY, Live

pytest_plugins = ["tests.database.branching_fixtures"]

SCHEMA = """
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 10 AND 20);
CREATE TABLE teams (id uuid PRIMARY KEY, name text NOT NULL UNIQUE, lead int, size percent NOT NULL);
CREATE TABLE people (id serial PRIMARY KEY, email citext NOT NULL UNIQUE CHECK (email LIKE '%@%'), mood mood NOT NULL,
    team uuid NOT NULL REFERENCES teams, boss int REFERENCES people, born date NOT NULL, doc jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'closed')), rank int NOT NULL CHECK (rank > 1000),
    country char(2) NOT NULL CHECK (country ~ '^[A-Z]{2}$'), tags text[] NOT NULL, flag bit(3) NOT NULL);
ALTER TABLE teams ADD FOREIGN KEY (lead) REFERENCES people DEFERRABLE;
CREATE TABLE itself (id int PRIMARY KEY, parent int NOT NULL REFERENCES itself);
CREATE TABLE visits (day date NOT NULL, person int NOT NULL REFERENCES people, PRIMARY KEY (day, person))
    PARTITION BY RANGE (day);
CREATE TABLE visits_2019 PARTITION OF visits FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
CREATE TABLE bookings (room int NOT NULL, during int4range NOT NULL, EXCLUDE USING gist (during WITH &&));
CREATE TABLE impossible (a int NOT NULL CHECK (a * a = 2));
CREATE TABLE counters (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, twice int GENERATED ALWAYS AS (2) STORED);
CREATE TABLE nothing ();
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TABLE guarded (id int PRIMARY KEY);
CREATE TRIGGER refuse BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE MATERIALIZED VIEW per_mood AS SELECT mood, count(*) AS n FROM people GROUP BY mood;
INSERT INTO teams VALUES (gen_random_uuid(), '{canary}', NULL, 12);
INSERT INTO people (email, mood, team, born, doc, status, rank, country, tags, flag)
    SELECT '{canary}@x', 'calm', id, now(), '{"a": "{canary}"}', 'open', 2000, 'FR', '{}', B'101' FROM teams;
"""
TABLES = ("teams", "people", "itself", "visits", "bookings", "counters", "nothing", "guarded")


def test_a_synthetic_snapshot_has_a_few_valid_rows_and_none_of_the_source(make_live: Callable[..., Live]) -> None:
    live = make_live(SCHEMA, "tables: {}\n")
    report = live.build(content=Content.SYNTHETIC)
    assert report.empty == ("public.impossible (impossible_a_check)",)
    assert report.metadata.empty == report.empty
    live.branch(1, content=Content.SYNTHETIC)
    counts = {table: live.value(f"SELECT count(*) FROM {table}", "pr_1") for table in TABLES}
    assert counts == dict.fromkeys(TABLES, 3)
    assert live.value("SELECT count(*) FROM visits_2019", "pr_1") == 3
    assert live.value("SELECT sum(n) FROM per_mood", "pr_1") == 3
    assert live.value("SELECT count(DISTINCT mood) FROM people", "pr_1") == 2
    text = "SELECT string_agg(t::text, '') FROM {} t"
    assert not [table for table in TABLES if CANARY in (live.value(text.format(table), "pr_1") or "")]
    with live.log_in("pr_1", "secret-1", "pr_1") as session:
        session.execute("INSERT INTO counters DEFAULT VALUES")
        assert session.execute("SELECT tgenabled FROM pg_trigger WHERE tgname = 'refuse'").fetchone() == ("O",)


def test_a_schema_snapshot_has_no_row_and_needs_no_rules(make_live: Callable[..., Live]) -> None:
    live = make_live(SCHEMA, "tables: {}\n")
    live.rules_file.unlink()
    with pytest.raises(RulesError):
        live.build()
    report = live.build(content=Content.SCHEMA)
    assert report.metadata.rows == 0
    live.branch(1, content=Content.SCHEMA)
    assert (
        live.value("SELECT sum(c) FROM (SELECT count(*) c FROM teams UNION ALL SELECT count(*) FROM people) q", "pr_1")
        == 0
    )
    assert live.value("SELECT nextval('people_id_seq')", "pr_1") == 1, "how many rows there were is nobody's either"


def test_each_content_is_a_line_of_its_own(make_live: Callable[..., Live]) -> None:
    live = make_live("CREATE TABLE t (a int); INSERT INTO t VALUES (1)", "tables:\n  public.t:\n    a: keep\n")
    live.build(content=Content.SCHEMA)
    with pytest.raises(SnapshotMissingError, match=r"there is no snapshot of .*; there is none"):
        live.branch(1)
    for _ in range(3):
        live.build()
    assert [one.version for one in live.found().published(live.database)] == [3, 4]
    assert [one.version for one in live.found().published(live.database, Content.SCHEMA)] == [1]
    with pytest.raises(SnapshotMissingError, match="there is no synthetic snapshot"):
        live.branch(1, content=Content.SYNTHETIC)
    assert live.branch(1).metadata.snapshot_version == 4
    assert live.branch(2, content=Content.SCHEMA).metadata.snapshot_version == 1


def test_rows_that_are_excluded_stay_behind(make_live: Callable[..., Live]) -> None:
    schema = """CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept VALUES (1);
        CREATE TABLE log (id int REFERENCES kept, line text); INSERT INTO log VALUES (1, '{canary}');"""
    live = make_live(schema, "excludeDataOf: [public.log]\ntables:\n  public.kept:\n    id: keep\n")
    report = live.build()
    live.branch(1)
    assert live.value("SELECT count(*) FROM log", "pr_1") == 0
    assert report.rows == {"public.kept": 1}
    assert report.metadata.rules == {"keep": 1}
