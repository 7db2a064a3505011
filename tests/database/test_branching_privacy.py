"""A canary in every place that can hold a value is in no file of the snapshot, unless a rule keeps it.

Doesn't prove: what a migration writes into the definitions (a default, a check, a function's body) does come over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from branching.masking.explain import explain
from branching.metadata import Content
from branching.stream import Pace
from tests.database.branching_support import CANARY, Live, files_with_canary, oid_of, written_wal

pytest_plugins = ["tests.database.branching_fixtures"]

SCHEMA = """
CREATE EXTENSION citext; CREATE EXTENSION hstore;
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN words AS text;
CREATE TABLE secrets (id int PRIMARY KEY, a text, b varchar(90), c char(60), d citext, e words, f json, g jsonb,
    h text[], i bytea, j hstore, k xml, l pair, m pair[], n tsvector, o name, p text NOT NULL, q jsonb NOT NULL,
    r bytea NOT NULL, s text UNIQUE, long text);
INSERT INTO secrets SELECT i, v, v, v, v, v, to_json(v), to_jsonb(v), ARRAY[v], v::bytea, hstore(v, v),
    ('<a>' || v || '</a>')::xml, (1, v)::pair, ARRAY[(1, v)::pair], to_tsvector('simple', v), v, v, to_jsonb(v),
    v::bytea, v || i, repeat(md5(i::text) || v, 400)
    FROM generate_series(1, 50) i, (VALUES ('{canary}')) AS values (v);
CREATE INDEX ON secrets (a); CREATE INDEX ON secrets (lower(p));
CREATE STATISTICS several (mcv) ON a, b FROM secrets;
CREATE MATERIALIZED VIEW seen AS SELECT a, count(*) AS n FROM secrets GROUP BY a;
COMMENT ON TABLE secrets IS '{canary}'; COMMENT ON COLUMN secrets.a IS '{canary}';
COMMENT ON INDEX secrets_a_idx IS '{canary}';
ANALYZE secrets;
DELETE FROM secrets WHERE id > 40;
"""


@pytest.fixture
def no_autovacuum(admin: psycopg.Connection) -> Iterator[None]:
    """Production's own vacuum and analyze write production's values to the WAL, whatever a snapshot does."""
    admin.execute("ALTER SYSTEM SET autovacuum = off")
    admin.execute("SELECT pg_reload_conf()")
    yield
    admin.execute("ALTER SYSTEM RESET autovacuum")
    admin.execute("SELECT pg_reload_conf()")


@pytest.mark.usefixtures("no_autovacuum")
@pytest.mark.parametrize("content", list(Content))
@pytest.mark.parametrize("sessions", [1, 3])
def test_what_is_hidden_is_nowhere(make_live: Callable[..., Live], content: Content, sessions: int) -> None:
    live = make_live(SCHEMA, "tables: {}\n")
    live.execute("CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw")
    live.execute(f"CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'u', password '{CANARY}')")
    live.execute(f"SELECT lo_from_bytea(0, '{CANARY}')")
    proposed = explain(live.server, live.database, live.rules_file, live.owner).text
    live.rules_file.write_text(f"{proposed}\nexcludeLargeObjects: true\n")
    assert "secrets:" in live.rules_file.read_text()
    # Reading production sets hint bits, which checksums log as whole pages of production's own: set them before.
    live.execute("VACUUM (FREEZE)")
    live.execute("CHECKPOINT")
    data = Path(live.value("SHOW data_directory"))
    assert files_with_canary(data / "base" / str(oid_of(live, live.database))), "the control: production has it"
    live.execute("SELECT pg_switch_wal()")
    start = live.value("SELECT pg_current_wal_insert_lsn()")
    report = live.build(salt="s" * 64, content=content, pace=Pace(sessions=sessions))
    live.execute("CHECKPOINT")
    end = live.value("SELECT pg_current_wal_lsn()")
    assert files_with_canary(data / "base" / str(oid_of(live, report.name))) == []
    written = written_wal(live, data / "pg_wal", start, end)
    assert len(written) > 100_000, "the control: the copy's WAL was read"
    assert CANARY.encode() not in written
    assert {"comments, since the rules don't say keepComments", "large objects"} <= set(report.metadata.dropped)


def test_how_far_a_sequence_is_tells_nothing_of_a_masked_column(make_live: Callable[..., Live]) -> None:
    schema = """CREATE TABLE t (kept serial, hidden bigserial, own bigint GENERATED ALWAYS AS IDENTITY);
        CREATE SEQUENCE free START 10; CREATE SEQUENCE shared; CREATE TABLE u (a bigint DEFAULT nextval('shared'));
        CREATE TABLE p (a bigserial, day date) PARTITION BY LIST (day); CREATE TABLE p1 PARTITION OF p DEFAULT;
        INSERT INTO t SELECT FROM generate_series(1, 50); INSERT INTO u SELECT FROM generate_series(1, 60);
        INSERT INTO p (day) SELECT '2026-01-01' FROM generate_series(1, 70); SELECT nextval('free')"""
    columns = ("t: {kept: keep, hidden: hash, own: hash}", "u: {a: hash}", "p: {a: keep, day: keep}")
    rules = "tables:\n" + "".join(f"  public.{one}\n" for one in columns)
    live = make_live(schema, rules)
    live.build(salt="s" * 64)
    live.branch(1)
    next_ = {name: live.value(f"SELECT nextval('{name}')", "pr_1") for name in (
        "t_kept_seq", "t_hidden_seq", "t_own_seq", "free", "shared", "p_a_seq")}  # fmt: skip
    assert next_ == {"t_kept_seq": 51, "t_hidden_seq": 1, "t_own_seq": 1, "free": 11, "shared": 1, "p_a_seq": 71}


def test_what_is_kept_is_there(make_live: Callable[..., Live]) -> None:
    live = make_live(
        "CREATE TABLE t (a text); INSERT INTO t VALUES ('{canary}')", "tables:\n  public.t:\n    a: keep\n"
    )
    report = live.build()
    live.execute("CHECKPOINT")
    data = Path(live.value("SHOW data_directory"))
    assert files_with_canary(data / "base" / str(oid_of(live, report.name)))
