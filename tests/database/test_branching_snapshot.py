"""Snapshots on a real server: what they refuse, what they hold, what they leave out.

Doesn't prove: any speed; masks are test_branching_masks.py's.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from branching import branch, checksum, disk
from branching.connection import Server, connect
from branching.errors import (
    BuildFailedError,
    DiskShortError,
    NotCarriedError,
    RulesError,
    ServerRefusedError,
    SnapshotMissingError,
)
from branching.metadata import Content
from tests.database.branching_support import (
    BRANCHER,
    RULES,
    Live,
)

pytest_plugins = ["tests.database.branching_fixtures"]


def test_an_unclassified_column_fails_and_nothing_is_created(live: Live) -> None:
    live.execute("ALTER TABLE people ADD COLUMN phone text, ADD COLUMN born date NOT NULL DEFAULT '2000-01-01'")
    before = live.databases()
    roles = live.value("SELECT count(*) FROM pg_roles")
    with pytest.raises(RulesError) as caught:
        live.build()
    message = str(caught.value)
    assert f"{live.rules_file}:7: public.people: columns phone, born are not classified" in message
    assert '      public.people:\n        phone: "null"\n        born: shift' in message
    assert live.databases() == before
    assert live.value("SELECT count(*) FROM pg_roles") == roles


def test_rows_are_masked_and_everything_else_comes_over(live: Live) -> None:
    report = live.build()
    assert report.rows["public.people"] == 5000
    assert report.metadata.rows == 3000 + 5000 + 400 + 1
    assert report.metadata.bytes > 0
    live.branch(1)
    with live.log_in("pr_1", "secret-1", "pr_1") as session:
        query = session.execute
        assert query("SELECT count(*), count(email), count(notes), count(commune) FROM people").fetchone() == (
            5000,
            0,
            0,
            5000,
        )
        assert query("SELECT count(*), count(phone), count(label) FROM communes").fetchone() == (3000, 0, 3000)
        assert query("SELECT count(*), count(visitor) FROM ONLY visits_2025").fetchone() == (213, 0)
        assert query('SELECT "Key", "select" FROM "Odd Name"').fetchone() == (1, None)
        assert query("SELECT n FROM total").fetchone() == (5000,)
        assert query("SELECT emails FROM per_mood").fetchone() == (0,)
        assert query("SELECT nextval('tickets')").fetchone() == (502,)
        assert query("INSERT INTO people (commune) VALUES ('1') RETURNING id").fetchone() == (5001,)
        assert query("INSERT INTO communes VALUES ('x', 'low') RETURNING name").fetchone() == ("LOW",)
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            query("INSERT INTO people (commune) VALUES ('none')")


def test_what_must_not_act_stays_behind_and_is_named(live: Live) -> None:
    live.execute(
        """CREATE FUNCTION audit() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
           CREATE EVENT TRIGGER audit_ddl ON ddl_command_end EXECUTE FUNCTION audit();
           COMMENT ON EVENT TRIGGER audit_ddl IS 'audits';
           CREATE PUBLICATION changes FOR TABLE communes;
           CREATE EXTENSION postgres_fdw;
           CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'production');
           CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'u', password 'production-password');
           CREATE FOREIGN TABLE remote (id int DEFAULT 1) SERVER elsewhere;"""
    )
    live.execute("CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)")
    try:
        report = live.build()
    finally:
        live.execute("ALTER SUBSCRIPTION feed SET (slot_name = NONE)")
        live.execute("DROP SUBSCRIPTION feed")
    for what in (
        "event trigger audit_ddl",
        "publication changes",
        "subscription feed",
        "foreign server elsewhere",
        "user mapping of public on elsewhere",
        "foreign table public.remote",
    ):
        assert what in report.metadata.dropped
    live.branch(2)
    for catalog in ("pg_event_trigger", "pg_publication", "pg_foreign_server", "pg_user_mapping", "pg_foreign_table"):
        assert live.value(f"SELECT count(*) FROM {catalog}", "pr_2") == 0, catalog
    assert live.value("SELECT count(*) FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database"
                      " WHERE datname = 'pr_2')") == 0  # fmt: skip


def test_settings_and_comment_come_back_in_each_branch(live: Live) -> None:
    live.execute(
        f"""ALTER DATABASE {live.database} SET search_path = "$user", public, "Other Schema";
            ALTER DATABASE {live.database} SET work_mem = '7MB';
            ALTER DATABASE {live.database} SET app.flavour = 'it''s blue';
            ALTER ROLE {live.database} IN DATABASE {live.database} SET jit = off;
            ALTER ROLE {live.database} IN DATABASE {live.database} SET role = '{live.owner}';
            COMMENT ON DATABASE {live.database} IS 'the city''s own'"""
    )
    report = live.build()
    assert report.metadata.comment == "the city's own"
    info = live.branch(3)
    # Only a superuser may give a parameter that no module declares; the branch is made, and says so.
    assert info.warnings == ('setting app.flavour was not restored: permission denied to set parameter "app.flavour"',)
    assert info.metadata.comment == "the city's own"
    with live.log_in("pr_3", "secret-3", "pr_3") as session:
        shown = {name: _show(session, name) for name in ("search_path", "work_mem", "jit", "role")}
    assert shown == {
        "search_path": '"$user", public, "Other Schema"',
        "work_mem": "7MB",
        "jit": "off",
        "role": f"{live.database}_branch",
    }


def test_production_is_unchanged_by_a_snapshot(live: Live) -> None:
    before = checksum.of_database(live.server, live.database)
    live.build()
    after = checksum.of_database(live.server, live.database)
    assert before.differences(after) == ()
    assert before.digest == after.digest


def test_the_checksum_sees_a_row_a_sequence_and_a_grant(live: Live) -> None:
    first = checksum.of_database(live.server, live.database)
    live.execute("UPDATE communes SET phone = 'changed' WHERE code = '7'")
    second = checksum.of_database(live.server, live.database)
    assert first.differences(second) == ("tables public.communes",)
    live.execute("SELECT nextval('tickets')")
    assert second.differences(third := checksum.of_database(live.server, live.database)) == (
        "sequences public.tickets",
    )
    live.execute(f"GRANT SELECT ON communes TO {live.database}")
    assert third.differences(checksum.of_database(live.server, live.database)) == ("definitions relations",)


def test_the_newest_two_stay_and_one_that_a_branch_uses(live: Live) -> None:
    live.build()
    live.branch(4)
    for _ in range(3):
        last = live.build()
    assert [one.version for one in live.found().of_source(live.database)] == [1, 3, 4]
    branch.drop(live.bot, ["pr_4"])
    assert live.build().pruned == (f"{live.database}_snapshot_v1", f"{live.database}_snapshot_v3")
    assert last.name == f"{live.database}_snapshot_v4"


def test_a_snapshot_is_closed_and_a_template(live: Live) -> None:
    report = live.build()
    flags = live.value(
        f"SELECT datallowconn::text || datistemplate::text FROM pg_database WHERE datname = '{report.name}'"
    )
    assert flags == "falsetrue"
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        connect(live.server, report.name)


def test_a_rule_that_a_constraint_refuses_leaves_nothing_and_quotes_nothing(make_live: Callable[..., Live]) -> None:
    schema = (
        "CREATE TABLE t (a int PRIMARY KEY, b text CHECK (b IS NOT NULL)); INSERT INTO t VALUES (424242, '{canary}')"
    )
    live = make_live(schema, 'tables:\n  public.t:\n    a: keep\n    b: "null"\n')
    before = live.databases()
    with pytest.raises(BuildFailedError, match="constraint t_b_check") as caught:
        live.build()
    assert "424242" not in str(caught.value)
    assert live.databases() == before


def test_a_failure_while_indexes_are_built_quotes_no_value(make_live: Callable[..., Live]) -> None:
    schema = "CREATE TABLE t (a int, b text); CREATE UNIQUE INDEX ON t ((coalesce(b, 'same')), (a > 0));" \
             "INSERT INTO t VALUES (424242, 'x'), (434343, 'y')"  # fmt: skip
    live = make_live(schema, 'tables:\n  public.t:\n    a: keep\n    b: "null"\n')
    before = live.databases()
    with pytest.raises(BuildFailedError, match="could not create unique index") as caught:
        live.build()
    assert "same" not in str(caught.value)
    assert live.databases() == before


def test_large_objects_are_refused_by_name(live: Live) -> None:
    live.execute("SELECT lo_from_bytea(0, 'x')")
    with pytest.raises(NotCarriedError, match=r"1 large objects.*\n.*excludeLargeObjects: true"):
        live.build()
    assert "large objects" in live.build(content=Content.SCHEMA).metadata.dropped
    live.rules_file.write_text(live.rules_file.read_text() + "\nexcludeLargeObjects: true\n")
    assert "large objects" in live.build().metadata.dropped
    live.branch(1)
    assert live.value("SELECT count(*) FROM pg_largeobject_metadata", "pr_1") == 0


def test_a_full_disk_is_seen_before_anything_is_made(live: Live) -> None:
    before = live.databases()
    with pytest.raises(DiskShortError, match="0 MB free"):
        live.build(free_bytes=lambda: 1000)
    assert live.databases() == before
    with connect(live.server) as connection:
        assert (disk.local_free_bytes(live.server, connection) or 0) > 1024


def test_no_snapshot_says_what_to_run(live: Live) -> None:
    with pytest.raises(SnapshotMissingError, match=f"make snapshot APP={live.application}"):
        live.branch(5)
    assert live.value("SELECT count(*) FROM pg_roles WHERE rolname = 'pr_5'") == 0


def test_no_database_and_no_brancher_are_said(live: Live) -> None:
    with pytest.raises(ServerRefusedError, match="does not exist"):
        live.build(database="nowhere")
    before = live.databases()
    with pytest.raises(ServerRefusedError, match="CREATE ROLE nobody LOGIN CREATEDB CREATEROLE"):
        live.build(brancher="nobody")
    assert live.databases() == before


def test_an_administrator_without_superuser_builds_as_the_owner(live: Live) -> None:
    live.execute("CREATE ROLE dba LOGIN CREATEDB CREATEROLE PASSWORD 'dba'")
    live.execute("GRANT CONNECT ON DATABASE postgres TO dba")
    dba = Server(
        host=live.server.host,
        port=live.server.port,
        user="dba",
        password="dba",
        sslrootcert=live.server.sslrootcert,
        dump_host=live.server.dump_host,
    )
    try:
        with connect(dba) as connection:
            connection.execute("CREATE ROLE dba_brancher LOGIN CREATEDB CREATEROLE PASSWORD 'bot'")
        live.execute(f"GRANT {live.owner} TO dba")
        live.execute(f"GRANT CONNECT ON DATABASE {live.database} TO dba")
        live.execute("GRANT CONNECT ON DATABASE postgres TO dba_brancher")
        report = live.build(server=dba, owner=live.owner, brancher="dba_brancher")
        bot = Server(**({**_fields(dba), "user": "dba_brancher", "password": "bot"}))  # type: ignore[arg-type]
        info = branch.create(bot, live.branch_request(6))
        assert info.metadata.snapshot_version == report.metadata.version
        with live.log_in("pr_6", "secret-6", "pr_6") as session:
            assert session.execute("SELECT count(*), count(email) FROM people").fetchone() == (5000, 0)
        branch.drop(bot, ["pr_6"])
    finally:
        live.execute("DROP DATABASE IF EXISTS pr_6 WITH (FORCE)")
        for name in [one.name for one in live.found().of_source(live.database)]:
            live.execute(f"ALTER DATABASE {name} IS_TEMPLATE false")
            live.execute(f"DROP DATABASE {name}")
        live.execute("DROP ROLE IF EXISTS pr_6")
        live.execute(f"REVOKE CONNECT ON DATABASE {live.database} FROM dba")
        live.execute("REVOKE CONNECT ON DATABASE postgres FROM dba, dba_brancher")
        live.execute(f"DROP ROLE IF EXISTS {live.database}_branch, dba_brancher, dba")


def test_a_rule_for_what_is_not_there_is_reported_and_holds_nothing_up(live: Live) -> None:
    live.rules_file.write_text(RULES + "  public.gone:\n    a: keep\n")
    [unused] = live.build().unused
    assert "public.gone is no table of the database" in unused


def test_an_excluded_schema_is_not_in_the_snapshot(live: Live) -> None:
    live.execute("CREATE SCHEMA secret_users")
    live.execute("CREATE TABLE secret_users.verifier (v text)")
    live.rules_file.write_text("excludeSchemas: [secret_users]\n" + RULES)
    report = live.build()
    assert "schema secret_users, by the rules" in report.metadata.dropped
    assert not [table for table in report.rows if table.startswith("secret_users.")]


def test_the_brancher_has_no_right_on_the_live_database(live: Live) -> None:
    live.build()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(live.bot, live.database)
    assert live.bot.user == BRANCHER


def _show(session: psycopg.Connection[tuple[object, ...]], name: str) -> object:
    row = session.execute("SELECT current_setting(%s)", (name,)).fetchone()
    return row[0] if row else None


def _fields(server: Server) -> dict[str, object]:
    return {name: getattr(server, name) for name in server.__dataclass_fields__}
