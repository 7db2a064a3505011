"""Branches on a real server, proven by logging in as each role.

Doesn't prove: limits of pg_hba.conf, which is the server's, nor what a superuser inside a branch could do.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from branching import branch, checksum, retire
from branching.connection import connect
from branching.errors import DiskShortError, NameRefusedError, NotOursError, ServerRefusedError, SnapshotMissingError
from branching.measures import Measures
from branching.strategy import Strategy
from tests.database.branching_support import BRANCHER, Live

pytest_plugins = ["tests.database.branching_fixtures"]


@pytest.fixture
def copied(live: Live) -> Live:
    """The live application, with a snapshot."""
    live.build()
    return live


def test_a_branch_is_entered_by_its_own_role_only(copied: Live) -> None:
    copied.branch(123)
    copied.branch(124)
    for role, password, database in (
        ("pr_123", "secret-123", "pr_124"),
        ("pr_124", "secret-124", "pr_123"),
        ("pr_123", "secret-123", copied.database),
        (copied.database, "app", "pr_123"),
    ):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            copied.log_in(role, password, database)
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        copied.log_in("pr_123", "secret-123", f"{copied.database}_snapshot_v1")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        copied.log_in("pr_123", "secret-124", "pr_123")


def test_a_branch_may_do_everything_inside_and_nothing_outside(copied: Live) -> None:
    copied.branch(123)
    copied.branch(124)
    with copied.log_in("pr_123", "secret-123", "pr_123") as session:
        for allowed in (
            "CREATE SCHEMA migrations CREATE TABLE applied (id int)",
            "ALTER TABLE people ADD COLUMN phone text",
            "DROP TABLE visits",
            "CREATE TEMPORARY TABLE scratch (id int)",
            "CREATE EXTENSION hstore",
            "TRUNCATE people",
            "VACUUM people",
        ):
            session.execute(allowed.encode())
        for refused in (
            "ALTER DATABASE pr_124 RENAME TO pr_125",
            "DROP DATABASE pr_124",
            f"DROP DATABASE {copied.database}",
            f"ALTER DATABASE {copied.database} CONNECTION LIMIT 0",
            "ALTER DATABASE pr_123 CONNECTION LIMIT -1",
            "CREATE DATABASE mine",
            f"CREATE DATABASE mine TEMPLATE {copied.database}_snapshot_v1",
            "CREATE ROLE mine",
            "SET ROLE pr_124",
            f"SET ROLE {copied.owner}",
            f"SET ROLE {copied.database}",
            f"SET ROLE {BRANCHER}",
            "SET ROLE postgres",
            f"SET SESSION AUTHORIZATION {copied.owner}",
            f"GRANT {copied.database}_branch TO {copied.database}",
            "ALTER ROLE pr_124 PASSWORD 'mine'",
            "SELECT pg_read_file('postgresql.conf')",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT lo_import('/etc/passwd')",
            "ALTER SYSTEM SET work_mem = '1GB'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(refused.encode())


def test_dropping_what_the_shared_owner_owns_stays_inside_the_branch(copied: Live) -> None:
    copied.branch(123)
    copied.branch(124)
    before = checksum.of_database(copied.server, copied.database)
    with copied.log_in("pr_123", "secret-123", "pr_123") as session:
        session.execute("DROP OWNED BY CURRENT_USER CASCADE")
    with copied.log_in("pr_124", "secret-124", "pr_124") as session:
        assert session.execute("SELECT count(*) FROM people").fetchone() == (5000,)
        session.execute("CREATE SCHEMA still; CREATE TEMPORARY TABLE t (id int)")
    assert before.differences(checksum.of_database(copied.server, copied.database)) == ()
    # The branch that did it is repaired by its next run, with what it kept.
    copied.branch(123)
    with copied.log_in("pr_123", "secret-123", "pr_123") as session:
        session.execute("CREATE SCHEMA again; CREATE TEMPORARY TABLE t (id int)")
    copied.branch(125)


def test_production_is_unchanged_whatever_a_branch_does(copied: Live) -> None:
    before = checksum.of_database(copied.server, copied.database)
    copied.branch(123)
    with copied.log_in("pr_123", "secret-123", "pr_123") as session:
        session.execute("UPDATE communes SET name = 'other'; DELETE FROM visits; DROP TABLE people CASCADE")
        session.execute("SELECT setval('tickets', 90000)")
        session.execute("COMMENT ON TABLE communes IS 'mine'")
    branch.reset(copied.bot, copied.branch_request(123))
    branch.drop(copied.bot, ["pr_123"])
    assert before.differences(checksum.of_database(copied.server, copied.database)) == ()


def test_a_second_create_keeps_the_data_and_a_reset_does_not(copied: Live) -> None:
    first = copied.branch(123)
    assert (first.kept, first.strategy) == (False, Strategy.WAL_LOG)
    with copied.log_in("pr_123", "secret-123", "pr_123") as session:
        session.execute("CREATE TABLE migrated (id int)")
    copied.build()
    second = copied.branch(123, password="rotated", limits=branch.Limits(connections=3, statement_timeout="7s"))
    assert second.kept
    assert replace(second.metadata, pushed_at="") == first.metadata
    assert second.metadata.pushed_at >= first.metadata.created_at
    with copied.log_in("pr_123", "rotated", "pr_123") as session:
        assert session.execute("SELECT count(*) FROM migrated").fetchone() == (0,)
        assert session.execute("SHOW statement_timeout").fetchone() == ("7s",)
    assert copied.value("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'pr_123'") == 3
    assert copied.value("SELECT datconnlimit FROM pg_database WHERE datname = 'pr_123'") == 3
    third = branch.reset(copied.bot, copied.branch_request(123, password=None))
    assert (third.kept, third.metadata.snapshot_version) == (False, 2)
    with copied.log_in("pr_123", "rotated", "pr_123") as session:
        assert session.execute("SELECT to_regclass('migrated')").fetchone() == (None,)


def test_the_password_reaches_the_server_as_a_verifier_only(copied: Live) -> None:
    copied.branch(123, password="in-clear-nowhere")
    stored = copied.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'pr_123'")
    assert stored.startswith("SCRAM-SHA-256$")
    assert "in-clear-nowhere" not in repr(copied.branch_request(123, password="in-clear-nowhere"))
    with pytest.raises(ServerRefusedError, match="needs a password"):
        copied.branch(124, password=None)


def test_a_named_version_and_a_branch_of_one_application(copied: Live) -> None:
    copied.build()
    info = copied.branch(123, name=f"pr_123_{copied.database}", snapshot_version=1)
    assert info.metadata.snapshot_version == 1
    assert info.role == f"pr_123_{copied.database}"


def test_drops_that_are_asked_for_together_share_checkpoints(copied: Live, server_major: int) -> None:
    several = [f"pr_{number}" for number in range(1, 17)]
    for number in range(1, 17):
        copied.branch(number)
    before = checkpoints(copied, server_major)
    assert branch.drop(copied.bot, several).dropped == tuple(sorted(several))
    assert checkpoints(copied, server_major) - before < 16
    assert not copied.databases() & set(several)


def checkpoints(live: Live, server_major: int) -> int:
    """That the server has made; PostgreSQL 17 moved the counters."""
    timed = "checkpoints_timed + checkpoints_req FROM pg_stat_bgwriter"
    query = "num_timed + num_requested FROM pg_stat_checkpointer" if server_major >= 17 else timed
    return int(live.value(f"SELECT {query}", "postgres"))


def test_a_drop_ends_sessions_and_is_repeatable(copied: Live) -> None:
    copied.branch(123)
    copied.branch(124)
    sessions = [copied.log_in("pr_123", "secret-123", "pr_123") for _ in range(5)]
    sessions[0].execute("BEGIN; LOCK TABLE people")
    report = branch.drop(copied.bot, ["pr_123", "pr_124", "pr_99"])
    assert (report.dropped, report.absent) == (("pr_123", "pr_124"), ("pr_99",))
    assert copied.databases() & {"pr_123", "pr_124"} == set()
    assert copied.value("SELECT count(*) FROM pg_roles WHERE rolname IN ('pr_123', 'pr_124')") == 0
    for session in sessions:
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert branch.drop(copied.bot, ["pr_123"]).absent == ("pr_123",)


def test_a_closed_branch_is_opened_last(copied: Live) -> None:
    copied.branch(123)
    acl = copied.value("SELECT datacl::text FROM pg_database WHERE datname = 'pr_123'")
    # An entry that begins with = would be PUBLIC's.
    assert sorted(one.split("/")[0] for one in acl.strip("{}").split(",")) == sorted(
        [f"{BRANCHER}=CTc", f"{copied.database}_branch=CT", "pr_123=Tc"]
    )


@pytest.mark.parametrize("state", ["copied only", "drop interrupted", "drop begun"])
def test_what_an_interrupted_run_left_is_made_again(copied: Live, state: str) -> None:
    if state == "copied only":
        with connect(copied.bot) as connection:
            connection.execute(
                f"CREATE DATABASE pr_123 TEMPLATE {copied.database}_snapshot_v1 ALLOW_CONNECTIONS false".encode()
            )
    else:
        copied.branch(123)
        column = "datconnlimit = -2" if state == "drop interrupted" else "datallowconn = false"
        copied.execute(f"UPDATE pg_database SET {column} WHERE datname = 'pr_123'")
    assert copied.branch(123).kept is False
    with copied.log_in("pr_123", "secret-123", "pr_123") as session:
        assert session.execute("SELECT count(*) FROM people").fetchone() == (5000,)
    copied.execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'pr_123'")
    assert branch.drop(copied.bot, ["pr_123"]).dropped == ("pr_123",)
    assert "pr_123" not in copied.databases()


@pytest.mark.parametrize("owner", ["postgres", BRANCHER])
def test_a_database_that_socle_did_not_make_is_left_alone(copied: Live, owner: str) -> None:
    copied.execute(f"CREATE DATABASE pr_77 OWNER {owner}")
    try:
        with pytest.raises(NotOursError):
            copied.branch(77)
        with pytest.raises(NotOursError):
            branch.reset(copied.bot, copied.branch_request(77))
        copied.branch(78)
        with pytest.raises(NotOursError):
            branch.drop(copied.bot, ["pr_77", "pr_78"])
        assert {"pr_77", "pr_78"} <= copied.databases()
    finally:
        copied.execute("DROP DATABASE pr_77")


def test_another_applications_branch_is_not_taken_over(copied: Live) -> None:
    copied.branch(123)
    other = replace(copied.branch_request(123), application="docspell")
    with pytest.raises(NotOursError, match="pr_123_docspell"):
        branch.create(copied.bot, other)


def test_a_role_that_is_somebodys_is_left_alone(copied: Live) -> None:
    copied.execute("CREATE ROLE pr_55 SUPERUSER")
    try:
        with pytest.raises(NotOursError, match="is an administrator's"):
            copied.branch(55)
        assert "pr_55" not in copied.databases()
    finally:
        copied.execute("DROP ROLE pr_55")


@pytest.mark.parametrize("name", ["postgres", "template1", "city_api", "pr_", "pr_x", "pr_0", "pr_1;drop", "PR_1"])
def test_other_names_are_refused(copied: Live, name: str) -> None:
    with pytest.raises(NameRefusedError):
        branch.drop(copied.bot, [name])
    with pytest.raises(NameRefusedError):
        branch.create(copied.bot, replace(copied.branch_request(1), name=name))


def test_ten_branches_at_once_from_one_snapshot(copied: Live) -> None:
    numbers = range(200, 210)
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(copied.branch, numbers))
    assert [info.kept for info in made] == [False] * 10
    for number in numbers:
        with copied.log_in(f"pr_{number}", f"secret-{number}", f"pr_{number}") as session:
            assert session.execute("SELECT count(*) FROM people").fetchone() == (5000,)
    branch.drop(copied.bot, [f"pr_{number}" for number in numbers])
    assert [one.name for one in copied.found().branches] == []


def test_one_branch_asked_for_ten_times_at_once_is_made_once(copied: Live) -> None:
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda _: copied.branch(300), range(10)))
    assert sorted(info.kept for info in made) == [False] + [True] * 9


def test_file_copy_serves_as_well(copied: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branching.branch.TYPICAL", Measures(wal_log_base_seconds=60))
    assert copied.branch(123).strategy is Strategy.FILE_COPY
    with copied.log_in("pr_123", "secret-123", "pr_123") as session:
        assert session.execute("SELECT count(*) FROM people").fetchone() == (5000,)


def test_a_reset_that_can_not_begin_again_loses_nothing(copied: Live) -> None:
    copied.branch(123)
    with pytest.raises(SnapshotMissingError):
        branch.reset(copied.bot, copied.branch_request(123, snapshot_version=9))
    copied.log_in("pr_123", "secret-123", "pr_123").close()


def test_an_application_is_retired_when_its_branches_are_gone(copied: Live) -> None:
    copied.branch(123)
    with pytest.raises(NotOursError, match="python -m branching drop pr_123"):
        retire.retire(copied.server, copied.database)
    branch.drop(copied.bot, ["pr_123"])
    assert retire.retire(copied.server, copied.database) == (f"{copied.database}_snapshot_v1",)
    assert retire.retire(copied.server, copied.database) == ()
    assert copied.value(f"SELECT count(*) FROM pg_roles WHERE rolname = '{copied.database}_branch'") == 0


def test_a_full_disk_is_seen_before_a_reset_drops_anything(copied: Live) -> None:
    with pytest.raises(DiskShortError, match=r"the branch pr_123 needs about .* 0 MB free"):
        copied.branch(123, free_bytes=lambda: 1000)
    assert "pr_123" not in copied.databases()
    copied.branch(123)
    with copied.log_in("pr_123", "secret-123", "pr_123") as session:
        session.execute("CREATE TABLE kept (id int)")
    with pytest.raises(DiskShortError):
        branch.reset(copied.bot, copied.branch_request(123, free_bytes=lambda: 1000))
    with copied.log_in("pr_123", "secret-123", "pr_123") as session:
        assert session.execute("SELECT count(*) FROM kept").fetchone() == (0,)
