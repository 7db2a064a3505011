"""What a local environment registers with `management: plan`: one resource a database, and the same plan in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components import names
from components.postgres.database_plan import from_properties
from components.postgres.privileges import ExtraGrant, plan
from stacks.embedded import EmbeddedServer, write_description
from stacks.loader import parse
from stacks.local import LocalStack
from stacks.settings import EnvironmentSettings
from tests.unit.recording import Recording, record

APPS: dict[str, Any] = {
    "city-api": {"env": {"URL": "{database.url}"}},
    "genesis": {
        "extensions": ["vector"],
        "schemas": ["reports"],
        "deletionPolicy": "delete",
        "documents": True,
        "grants": [{"to": "city_api_ro", "privileges": ["SELECT"]}],
        "test": {"database": "test_db", "role": "test_user", "env": {"T": "{database.url}"}},
    },
}


@pytest.fixture
def planned(tmp_path: Path) -> Recording:
    (tmp_path / "password").write_text("administrator", encoding="utf-8")
    for name, port in (("main", 5435), ("test", 5433)):
        password_file = str(tmp_path / "password")
        server = EmbeddedServer(
            name=name, host="localhost", port=port, admin="postgres", admin_password_file=password_file, ca_file="/ca"
        )
        write_description(tmp_path, server)
    server = {"type": "embedded", "management": "plan"}
    settings = parse({"environment": {"kind": "local"}, "server": server, "apps": APPS}, "test", "local")
    assert isinstance(settings, EnvironmentSettings)
    added = {"genesis-documents": {"port": 27017}}
    return record(lambda: LocalStack(settings, "local", tmp_path).compose(), outputs=added)


def test_a_database_is_one_resource(planned: Recording) -> None:
    assert {one.name for one in planned.of_type("PlannedDatabase")} == {"city-api", "genesis", "genesis-test"}
    assert not planned.of_type("AppDatabase")
    assert [one.name for one in planned.of_type("Role")] == ["brancher"], "pulumi-postgresql makes nothing else"


def test_the_plan_is_the_one_that_resources_would_carry_out(planned: Recording) -> None:
    found = from_properties(planned.one("PlannedDatabase", "genesis").inputs["plan"])
    roles = names.roles("genesis")
    extra = (ExtraGrant(role="city_api_ro", object_type="table", privileges=("SELECT",)),)
    assert (found.database, found.roles, found.connection_limit) == ("genesis", roles, 20)
    assert (found.extensions, found.schemas) == (("vector",), ("reports",))
    assert found.privileges == plan(roles, ("reports",), extra)


def test_every_password_is_secret(planned: Recording) -> None:
    for one in planned.of_type("PlannedDatabase"):
        assert {"adminPassword", "password", "readonlyPassword"} <= one.secrets
        assert "administrator" not in str({key: value for key, value in one.inputs.items() if key not in one.secrets})


@pytest.mark.parametrize(("name", "kept"), [("city-api", True), ("genesis", False), ("genesis-test", False)])
def test_a_removed_application_keeps_its_database_unless_told_otherwise(
    planned: Recording, name: str, kept: bool
) -> None:
    one = planned.one("PlannedDatabase", name)
    assert (one.retain, one.inputs["retain"]) == (kept, kept)


def test_what_uses_a_database_waits_for_it(planned: Recording) -> None:
    assert "city-api" in planned.one("EnvFile", "city-api-env").dependencies
    assert "genesis" in planned.one("DocumentServer", "genesis-documents").dependencies
    assert "city-api" in planned.one("PlannedDatabase", "genesis").dependencies, "an extra grant names its role"


def test_a_test_database_lives_on_the_test_server(planned: Recording) -> None:
    inputs = planned.one("PlannedDatabase", "genesis-test").inputs
    assert (inputs["port"], inputs["name"], inputs["host"]) == (5433, "test_db", "localhost")
    assert planned.one("PlannedDatabase", "city-api").inputs["port"] == 5435
