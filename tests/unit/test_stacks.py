"""What a local environment and a pull request register, child by child, without an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest

from stacks import outputs
from stacks.compose import compose
from stacks.embedded import EmbeddedServer, write_description
from stacks.loader import parse
from stacks.local import LocalStack
from stacks.pull_request import PullRequestStack
from stacks.settings import EnvironmentSettings, PullRequest
from tests.unit.recording import Recording, record

APPS: dict[str, Any] = {
    "city-api": {"env": {"URL": "{database.url}"}},
    "penpal": {"documents": True, "cache": True, "env": {"M": "{mongodb.uri}", "R": "{redis.url}"}},
    "genesis": {
        "container": True,
        "extensions": ["vector"],
        "schemas": ["reports"],
        "deletionPolicy": "delete",
        "env": {"URL": "{database.asyncpg_url}"},
        "test": {"database": "test_db", "role": "test_user", "env": {"T": "{database.url}"}},
        "grants": [{"to": "city_api_ro", "privileges": ["SELECT"]}],
    },
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("administrator", encoding="utf-8")
    for name, port in (("main", 5435), ("test", 5433)):
        write_description(
            tmp_path,
            EmbeddedServer(
                name=name,
                host="localhost",
                port=port,
                admin="postgres",
                admin_password_file=str(tmp_path / "password"),
                ca_file="/ca.crt",
            ),
        )
    return tmp_path


@pytest.fixture
def local(home: Path) -> Recording:
    raw = {"environment": {"kind": "local"}, "server": {"type": "embedded"}, "apps": APPS}
    settings = parse(raw, "test", "local")
    assert isinstance(settings, EnvironmentSettings)
    return record(lambda: LocalStack(settings, "local", home).compose(), outputs={"penpal-documents": {"port": 27017}})


def test_an_application_has_three_roles_and_one_database(local: Recording) -> None:
    owner, app, reader = (local.one("Role", f"city-api{ending}").inputs for ending in ("-owner", "", "-ro"))
    assert (owner["name"], owner["login"]) == ("city_api_owner", False)
    assert (app["name"], app["login"], app["inherit"], app["roles"]) == ("city_api", True, False, ["city_api_owner"])
    assert (reader["name"], reader["login"], reader.get("roles", [])) == ("city_api_ro", True, [])
    assert local.one("Database", "city-api").inputs["owner"] == "city_api_owner"


def test_limits_reach_both_logins(local: Recording) -> None:
    for name in ("city-api", "city-api-ro"):
        role = local.one("Role", name).inputs
        assert role["connectionLimit"] == 20
        assert role["statementTimeout"] == role["idleInTransactionSessionTimeout"] == 60_000


def test_the_statements_on_one_database_form_a_chain(local: Recording) -> None:
    within = [one for one in local.resources if one.deleted_with == "city-api"]
    assert len(within) == 10
    names = {one.name for one in within}
    links = [sorted((one.dependencies & names) - {one.name, "city-api"}) for one in within]
    assert sorted(len(link) for link in links) == [0] + [1] * (len(within) - 1)
    assert len({link[0] for link in links if link}) == len(within) - 1, "each has one successor"


def test_a_changed_grant_is_deleted_before_it_is_made(local: Recording) -> None:
    within = [*local.of_type("Grant"), *local.of_type("DefaultPrivileges")]
    assert within
    assert all(one.delete_before_replace for one in within)


@pytest.mark.parametrize(("application", "kept"), [("city-api", True), ("genesis", False)])
def test_a_removed_application_keeps_its_database_unless_told_otherwise(
    local: Recording, application: str, kept: bool
) -> None:
    mine = [
        local.one("Database", application),
        *(local.one("Role", f"{application}{end}") for end in ("", "-ro", "-owner")),
    ]
    assert [one.retain for one in mine] == [kept] * 4


def test_passwords_are_secret_wherever_they_go(local: Recording) -> None:
    for kind, name, key in (
        ("Role", "city-api", "password"),
        ("Role", "brancher", "password"),
        ("AclUser", "penpal-cache", "password"),
        ("DocumentServer", "penpal-documents", "password"),
        ("DocumentServer", "penpal-documents", "postgresqlUrl"),
        ("EnvFile", "city-api-env", "content"),
        ("postgresql", "server", "password"),
    ):
        assert key in local.one(kind, name).secrets, (name, key)


def test_each_login_has_a_password_of_its_own(local: Recording) -> None:
    logins = [one for one in local.of_type("Role") if one.inputs.get("login")]
    assert len(logins) > 5
    assert len({one.inputs["password"] for one in logins}) == len(logins)


def test_the_environment_file_waits_for_the_last_privilege(local: Recording) -> None:
    assert "city-api-default-functions-ro" in local.one("EnvFile", "city-api-env").dependencies


def test_every_child_hangs_on_its_component(local: Recording) -> None:
    mine = [one for one in local.resources if one.name.startswith("city-api-") and "postgresql:" in one.type]
    assert {one.parent for one in mine} == {"city-api"}
    assert {one.provider for one in mine} == {"server"}


def test_a_test_database_lives_on_the_test_server(local: Recording) -> None:
    database = local.one("Database", "genesis-test")
    assert (database.inputs["name"], database.provider, database.retain) == ("test_db", "test-server", False)


def test_a_container_gets_a_file_of_its_own(local: Recording) -> None:
    file = local.one("EnvFile", "genesis-docker-env").inputs
    assert file["path"] == "env/local/genesis.docker.env"
    assert "RUNNING_IN_DOCKER=true" in file["content"]
    assert "host.docker.internal" in file["content"]


def test_an_extra_grant_waits_for_the_role_it_names(local: Recording) -> None:
    assert any("city-api" in name for name in local.one("Database", "genesis").dependencies)


def test_the_brancher_is_no_superuser(local: Recording) -> None:
    brancher = local.one("Role", "brancher").inputs
    assert brancher["createDatabase"] is brancher["createRole"] is True
    assert not brancher.get("superuser")


def test_the_contract_can_be_read_back_and_holds_no_password(local: Recording) -> None:
    contract = local.outputs["contract"]
    read = outputs.read(contract, "local")
    assert read.apps["penpal"].documents
    assert "password" not in str(contract).lower()


def test_the_document_server_works_as_the_owner(local: Recording) -> None:
    url = local.one("DocumentServer", "penpal-documents").inputs["postgresqlUrl"]
    assert url.endswith("options=-c%20role%3Dpenpal_owner")


def test_the_plugins_own_resources_have_a_provider_without_configuration(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCLE_HOME", str(home))
    raw = {"environment": {"kind": "local"}, "server": {"type": "embedded"}, "apps": {"city-api": {}}}
    made = record(lambda: compose(parse(raw, "test", "local")))
    assert made.one("EnvFile", "city-api-env").provider == "socle"
    assert made.one("socle", "socle").inputs == {}


def test_a_server_that_was_never_started_is_said(tmp_path: Path) -> None:
    raw = {"environment": {"kind": "local"}, "server": {"type": "embedded"}}
    settings = parse(raw, "test", "local")
    assert isinstance(settings, EnvironmentSettings)
    with pytest.raises(pulumi.RunError, match="make up"):
        record(lambda: LocalStack(settings, "local", tmp_path).compose())


@pytest.fixture
def base(local: Recording) -> dict[str, Any]:
    return {
        "outputs": {
            "contract": local.outputs["contract"],
            "variables": {name: app["env"] for name, app in APPS.items()},
            "brancherPassword": "the-brancher",
        }
    }


def pull_request(base: dict[str, Any], apps: list[str]) -> Recording:
    settings = PullRequest.model_validate({"number": 7, "base": "local", "apps": apps})
    added = {
        "organization/socle/local": base,
        "penpal-documents": {"port": 27018},
        **{name: {"snapshot": f"{name}_snapshot_v1", "taken": "2026-11-21T10:00:00+00:00"} for name in apps},
    }
    return record(lambda: PullRequestStack(settings).compose(), stack="pr-7", outputs=added)


def test_a_pull_request_makes_a_branch_as_the_brancher(base: dict[str, Any]) -> None:
    made = pull_request(base, ["city-api"])
    branch = made.one("BranchDatabase", "city-api")
    assert (branch.inputs["branch"], branch.inputs["brancher"]) == ("pr_7", "socle_brancher")
    assert {"password", "brancherPassword"} <= branch.secrets
    assert not [one for one in made.resources if "postgresql" in one.type], "no administrator in a pull request"
    assert "pr_7" in made.one("EnvFile", "city-api-env").inputs["content"]


def test_a_pull_request_has_its_own_cache_user_and_documents(base: dict[str, Any]) -> None:
    made = pull_request(base, ["city-api", "penpal"])
    user = made.one("AclUser", "penpal-cache").inputs
    assert (user["user"], user["prefix"]) == ("pr-7-penpal", "pr-7:penpal:")
    documents = made.one("DocumentServer", "penpal-documents")
    assert documents.inputs["postgresqlUrl"].endswith("role%3Dpenpal_branch")
    assert "/pr_7_penpal?" in documents.inputs["postgresqlUrl"]
    assert "penpal" in documents.dependencies


def test_a_pull_request_of_an_unknown_application_says_which_there_are(base: dict[str, Any]) -> None:
    with pytest.raises(pulumi.RunError, match="city-api, genesis, penpal"):
        pull_request(base, ["nothing"])


@pytest.fixture
def external(home: Path) -> dict[str, Any]:
    """What an environment exports whose cache and documents are not Socle's."""
    raw = {
        "environment": {"kind": "local"},
        "server": {"type": "embedded"},
        "cache": {"type": "external", "url": "rediss://cache.example.org:6379/0"},
        "documents": {"type": "external", "uri": "mongodb://documents.example.org/penpal"},
        "apps": {"penpal": {"documents": True, "env": {"M": "{mongodb.uri}"}}, "web": {"cache": True, "env": WEB}},
    }
    settings = parse(raw, "test", "local")
    assert isinstance(settings, EnvironmentSettings)
    made = record(lambda: LocalStack(settings, "local", home).compose())
    assert not made.of_type("AclUser")
    assert not made.of_type("DocumentServer")
    assert "mongodb://documents.example.org/penpal" in made.one("EnvFile", "penpal-env").inputs["content"]
    return {
        "outputs": {
            "contract": made.outputs["contract"],
            "variables": {"web": WEB, "penpal": {}},
            "brancherPassword": "the-brancher",
            "cacheUrl": "rediss://cache.example.org:6379/0",
        }
    }


WEB = {"R": "{redis.url}", "P": "{redis.prefix}"}


def test_an_external_cache_is_shared_under_a_prefix_of_its_own(external: dict[str, Any]) -> None:
    content = pull_request(external, ["web"]).one("EnvFile", "web-env").inputs["content"]
    assert "R=rediss://cache.example.org:6379/0" in content
    assert "P=pr-7:web:" in content


def test_of_external_documents_a_pull_request_gets_no_copy(external: dict[str, Any]) -> None:
    with pytest.raises(pulumi.RunError, match="no copy"):
        pull_request(external, ["penpal"])


def test_a_base_that_was_never_brought_up_is_said() -> None:
    with pytest.raises(pulumi.RunError, match="never brought up"):
        pull_request({"outputs": {}}, ["city-api"])
