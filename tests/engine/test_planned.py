"""`management: plan` through the real engine: one resource a database, its drift seen and mended, and the way to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.engine import checkout
from tests.engine.checkout import Checkout
from tests.engine.test_applications import owner_makes_a_table, write_and_read
from tools.embedded import postgres

PLANNED = "socle:postgres:PlannedDatabase"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose local environment is up with `management: plan`: city-api, genesis and its test database."""
    made = checkout.make(tmp_path_factory.mktemp("planned"), "city-api", "genesis")
    try:
        made.settings(manage("plan"))
        made.run("up")
        yield made
    finally:
        made.destroy()


def manage(means: str) -> Any:
    def change(config: dict[str, Any]) -> None:
        config["socle:server"]["management"] = means

    return change


def resources(of: Checkout) -> list[dict[str, Any]]:
    # The plugins' notes follow on stderr.
    exported, _ = json.JSONDecoder().raw_decode(of.pulumi("stack", "export", "-s", "local").said)
    found: list[dict[str, Any]] = exported["deployment"]["resources"]
    return found


def use(of: Checkout, application: str, owner: str, table: str) -> None:
    url = of.variables(application)["DATABASE_URL" if application != "city-api" else "CITY_API_DB_URL"]
    with psycopg.connect(url.replace("postgresql+asyncpg", "postgresql"), autocommit=True) as connection:
        owner_makes_a_table(connection, owner, table)
        write_and_read(connection, table)


def test_a_second_run_changes_nothing(planned: Checkout) -> None:
    planned.pulumi("preview", "-s", "local", "--expect-no-changes")
    planned.pulumi("refresh", "-s", "local", "--yes", "--expect-no-changes")


def test_a_database_is_one_resource_and_its_passwords_are_secret(planned: Checkout) -> None:
    found = [one for one in resources(planned) if one["type"] == PLANNED]
    assert {one["urn"].rpartition("::")[2] for one in found} == {"city-api", "genesis", "genesis-test"}
    env = planned.variables("city-api")
    exported = json.dumps(resources(planned))
    for secret in (env["CITY_API_DB_PWD"], planned.server().admin_password):
        assert secret not in exported
    for one in found:
        assert set(one["outputs"]) == {"name"}


def test_applications_connect(planned: Checkout) -> None:
    use(planned, "city-api", "city_api_owner", "planned_test")


def test_drift_is_seen_by_a_refresh_and_mended_by_an_up(planned: Checkout) -> None:
    with planned.admin() as admin:
        admin.execute("GRANT CONNECT ON DATABASE city_api TO PUBLIC")
    said = planned.pulumi("refresh", "-s", "local", "--yes", "--diff").said
    assert "CONNECT on city_api granted to PUBLIC" in said
    assert planned.pulumi("preview", "-s", "local", "--expect-no-changes", expect=None).code != 0
    planned.run("up")
    planned.pulumi("preview", "-s", "local", "--expect-no-changes")
    with planned.admin() as admin:
        row = admin.execute("SELECT has_database_privilege('public', 'city_api', 'CONNECT')").fetchone()
        assert row == (False,)


def test_an_application_that_goes_keeps_its_database_and_comes_back(planned: Checkout) -> None:
    use(planned, "city-api", "city_api_owner", "kept_test")
    before: dict[str, Any] = {}
    planned.settings(lambda config: before.update(city=config["socle:apps"].pop("city-api")))
    planned.run("up")
    assert "city_api" in planned.databases()
    planned.settings(lambda config: config["socle:apps"].update({"city-api": before["city"]}))
    planned.run("up")
    with psycopg.connect(planned.variables("city-api")["CITY_API_DB_URL"]) as connection:
        assert connection.execute("SELECT v FROM kept_test").fetchall() == [("written",)]


@pytest.mark.long
def test_an_environment_of_resources_is_taken_over_with_its_data(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = checkout.make(tmp_path_factory.mktemp("switched"), "city-api", "genesis")
    try:
        made.run("up")
        use(made, "city-api", "city_api_owner", "switched_test")
        made.settings(manage("plan"))
        refused = made.run("up", expect=None)
        assert refused.code != 0
        assert "can't take over genesis-test: the state says to drop it" in " ".join(refused.said.split())
        use(made, "city-api", "city_api_owner", "refused_test")
        assert "test_db" in throw_away_databases(made), "nothing is lost"
        made.settings(lambda config: config["socle:apps"]["genesis"].pop("test"))
        made.run("up")
        made.pulumi("preview", "-s", "local", "--expect-no-changes")
        made.pulumi("refresh", "-s", "local", "--yes", "--expect-no-changes")
        assert not [one for one in resources(made) if one["type"] == "postgresql:index/database:Database"]
        with psycopg.connect(made.variables("city-api")["CITY_API_DB_URL"]) as connection:
            assert connection.execute("SELECT v FROM switched_test").fetchall() == [("written",)]
        made.settings(manage("resources"))
        back = made.run("up", expect=None)
        assert back.code != 0
        assert {"city_api", "genesis_db"} <= made.databases(), "nothing is lost on the way back either"
    finally:
        made.destroy()


def throw_away_databases(of: Checkout) -> set[str]:
    """The databases of the server for tests."""
    with postgres.connect(of.server("test")) as connection:
        return {str(row[0]) for row in connection.execute("SELECT datname FROM pg_database").fetchall()}
