"""A pull request's stack, from `make pr` to `make pr-down`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from branching import branch_state, checksum, inventory
from branching.connection import Server, connect
from branching.retire import retire
from tests.engine.checkout import Checkout


def administrator(of: Checkout) -> Server:
    main = of.server()
    return Server(
        host=main.host, port=main.port, user=main.admin, password=main.admin_password, sslrootcert=main.ca_file
    )


@pytest.fixture
def production(small: Checkout) -> Iterator[None]:
    """Fails the test if anything in city_api differs afterwards."""
    before = checksum.of_database(administrator(small), "city_api")
    yield
    after = checksum.of_database(administrator(small), "city_api")
    assert not before.differences(after)
    assert before.digest == after.digest


def session(checkout: Checkout, stack: str) -> psycopg.Connection:
    return psycopg.connect(checkout.variables("city-api", stack)["CITY_API_DB_URL"], autocommit=True)


def left_of(checkout: Checkout, number: int) -> list[str]:
    """Everything that still carries the pull request's name."""
    files = [str(path) for path in checkout.home.rglob(f"*pr-{number}*") if "venv" not in path.parts]
    named = {name for name in checkout.databases() | checkout.roles() if name.split("_")[:2] == ["pr", str(number)]}
    stacks = [name for name in checkout.pulumi("stack", "ls").said.split() if name == f"pr-{number}"]
    return [*files, *sorted(named), *stacks]


@pytest.mark.usefixtures("production")
def test_from_open_to_close(small: Checkout) -> None:
    said = small.run("pr", "123").said
    assert "city_api_snapshot_v1" in said
    assert "made afresh" in said
    assert "ago" in said
    with session(small, "pr-123") as branch:
        assert branch.execute("SELECT count(*) FROM commune").fetchone() == (34969,)
        assert branch.execute("SELECT count(*) FROM postal_code").fetchone() > (30_000,)
        branch.execute("DELETE FROM postal_code")
        branch.execute("ALTER TABLE commune DROP COLUMN population CASCADE")
        branch.execute("CREATE TABLE mine AS SELECT 1 AS v")

    said = small.run("pr", "123").said
    assert "data kept" in said
    assert "city_api_snapshot_v1" in said
    with session(small, "pr-123") as branch:
        assert branch.execute("SELECT v FROM mine").fetchone() == (1,)
    small.pulumi("preview", "-s", "pr-123", "--expect-no-changes")

    small.run("pr", "123", "--reset")
    with session(small, "pr-123") as branch:
        assert branch.execute("SELECT to_regclass('mine')").fetchone() == (None,)
        assert branch.execute("SELECT count(population) FROM commune").fetchone() > (30_000,)

    with session(small, "pr-123") as open_session:
        open_session.execute("BEGIN")
        small.run("pr-down", "123")
        with pytest.raises(psycopg.OperationalError):
            open_session.execute("SELECT 1")
    assert left_of(small, 123) == []
    assert "nothing to remove" in small.run("pr-down", "123").said


@pytest.mark.usefixtures("production")
def test_several_applications_in_one_pull_request(small: Checkout) -> None:
    small.run("pr", "124", "--apps", "city-api,docspell")
    assert {"pr_124_city_api", "pr_124_docspell"} <= small.databases()
    env = small.variables("docspell", "pr-124")
    assert (env["DB_NAME"], env["DB_USER"]) == ("pr_124_docspell", "pr_124_docspell")
    refused = small.run("pr", "124", "--apps", "city-api", expect=1).said
    assert "RESET=1" in refused
    assert "pr_124_city_api" in small.databases(), "a refusal loses nothing"
    small.run("pr-down", "124")
    assert left_of(small, 124) == []


@pytest.mark.usefixtures("production")
def test_ten_at_once_the_first_snapshot_included(small: Checkout) -> None:
    retire(administrator(small), "city_api")
    numbers = range(201, 211)
    for words in ("pr", "pr-down"):
        running = [
            subprocess.Popen(
                small.command(words, str(number)), cwd=small.root, env=small.environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
            for number in numbers
        ]  # fmt: skip
        said = [process.communicate(timeout=300)[0] for process in running]
        failed = [text for process, text in zip(running, said, strict=True) if process.returncode]
        assert not failed, failed[0]
        made = {name for name in small.databases() if name.startswith("pr_2")}
        assert made == ({f"pr_{number}" for number in numbers} if words == "pr" else set())


def test_the_state_of_a_pull_request_holds_no_administrator(small: Checkout) -> None:
    small.run("pr", "125")
    exported = small.pulumi("stack", "export", "-s", "pr-125", "--show-secrets").said
    assert small.server().admin_password not in exported
    small.run("pr-down", "125")


@pytest.mark.parametrize("number", ["", "abc", "0", "-3", "1.5", "99999999"])
def test_a_number_that_is_none(small: Checkout, number: str) -> None:
    said = small.run("pr", "--", number, expect=1).said
    assert "make pr PR=123" in said


def test_an_application_that_there_is_not(small: Checkout) -> None:
    said = small.run("pr", "126", "--apps", "city-ap", expect=1).said
    assert "APPS=city-api" in said
    assert "pr-126" not in small.pulumi("stack", "ls").said


def test_an_unclassified_column_makes_no_snapshot(small: Checkout) -> None:
    with psycopg.connect(small.variables("city-api")["CITY_API_DB_URL"], autocommit=True) as connection:
        connection.execute("SET ROLE city_api_owner")
        connection.execute("ALTER TABLE commune ADD COLUMN mayor_phone text")
    before = small.databases()
    said = small.run("snapshot", "city-api", expect=1).said
    assert "public.commune.mayor_phone" in said
    assert 'mayor_phone: "null"' in said
    assert small.databases() == before
    with psycopg.connect(small.variables("city-api")["CITY_API_DB_URL"], autocommit=True) as connection:
        connection.execute("SET ROLE city_api_owner")
        connection.execute("ALTER TABLE commune DROP COLUMN mayor_phone")
    assert "city_api_snapshot_v" in small.run("snapshot", "city-api").said


def test_a_preview_says_how_it_will_be_copied_and_what_that_costs(small: Checkout) -> None:
    small.run("pr", "131")
    small.pulumi("destroy", "--yes", "--stack", "pr-131")
    said = small.pulumi("preview", "--stack", "pr-131").said
    assert re.search(r"pr_131: WAL_LOG: about \d+\.\d s, \d+ MB of WAL, 0 checkpoints, \d+ MB of disk", said)
    assert "pr_131" not in small.databases()
    small.run("pr-down", "131")
    assert left_of(small, 131) == []


def test_a_sweep_removes_what_is_closed_and_keeps_it_closed(small: Checkout, tmp_path: Path) -> None:
    for number in ("141", "142"):
        small.run("pr", number)
    open_ = tmp_path / "open"
    open_.write_text("")
    said = small.run("sweep", "--open-file", str(open_), expect=1).said
    assert "is no list of pull requests; nothing was removed" in said
    open_.write_text("141\n")
    said = small.run("sweep", "--open-file", str(open_)).said
    assert "pull request 142 is not open" in said
    assert "pr_142" in small.databases()
    small.run("sweep", "--open-file", str(open_), "--apply")
    assert left_of(small, 142) == []
    assert "pr_141" in small.databases()
    said = small.run("pr", "142", expect=1).said
    assert "make pr PR=142 REOPEN=1" in said
    small.run("pr", "142", "--reopen")
    for number in (141, 142):
        small.run("pr-down", str(number))
        assert left_of(small, number) == []


def test_a_refresh_makes_what_is_old_anew_and_nothing_else(small: Checkout) -> None:
    small.run("snapshot", "city-api")
    said = small.run("refresh").said
    assert re.search(r"city-api: v\d+, data from .* young enough", said)
    assert "city_api_snapshot_v" not in said
    server = administrator(small)
    with connect(server) as connection:
        [*_, newest] = [one.name for one in inventory.survey(connection).of_source("city_api")]
        aged = "2026-01-01T00:00:00+00:00"
        branch_state.amend(connection, newest, lambda made: replace(made, taken_at=aged))
    said = small.run("refresh").said
    assert "city_api_snapshot_v" in said
    assert "city-api: v" not in said


def test_synthetic_data_for_who_may_see_none(small: Checkout) -> None:
    small.run("pr", "143", "--content", "synthetic")
    with session(small, "pr-143") as branch:
        assert branch.execute("SELECT count(*) FROM commune WHERE name LIKE 'name %'").fetchone() == (3,)
        assert branch.execute("SELECT count(*) FROM commune").fetchone() == (3,)
    said = small.run("pr", "143", "--content", "masked", expect=1).said
    assert "CONTENT=masked RESET=1" in said
    small.run("pr-down", "143")


def test_what_a_pull_request_changes_and_what_its_migration_locks(small: Checkout) -> None:
    small.run("pr", "151")
    assert "the definitions are the same" in small.run("verify", "151").said
    statement = "ALTER TABLE postal_code ADD COLUMN place bigserial; SELECT pg_sleep(0.3); COMMIT"
    program = f"import os, psycopg; psycopg.connect(os.environ['CITY_API_DB_URL']).execute('{statement}')"
    said = small.run("check-migration", "151", f'{sys.executable} -c "{program}"').said
    assert "AccessExclusiveLock" in said
    assert "rewritten: public.postal_code" in said
    assert "passed" in said
    said = small.run("verify", "151").said
    assert "~ TABLE public.postal_code" in said
    assert "place bigint" in said
    slow = program.replace(statement, "LOCK commune; SELECT pg_sleep(1)")
    said = small.run("check-migration", "151", f'{sys.executable} -c "{slow}"', "--threshold", "0.2", expect=1).said
    assert "failed: 1 ACCESS EXCLUSIVE locks held for more than 0.2 s" in said
    small.run("pr-down", "151")
