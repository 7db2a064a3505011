"""Settings: what the committed files say, and every way of getting them wrong."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from stacks.loader import parse
from stacks.problems import SettingsError
from stacks.settings import EnvironmentSettings, PullRequestSettings
from tools import settings_file

BASE = "environment: {kind: local}\nserver: {type: embedded}\n"


def load(text: str, stack: str = "local") -> Any:
    return parse(YAML(typ="safe").load(text), f"Pulumi.{stack}.yaml", stack)


def problems(text: str, stack: str = "local") -> dict[str, Any]:
    with pytest.raises(SettingsError) as raised:
        load(text, stack)
    return {problem.path: problem for problem in raised.value.problems}


@pytest.mark.parametrize("stack", ["local", "dev", "staging", "prod"])
def test_the_committed_settings_are_valid(stack: str) -> None:
    assert isinstance(settings_file.environment(stack), EnvironmentSettings)


def test_the_five_users_applications_are_in_the_local_environment() -> None:
    apps = settings_file.environment("local").apps
    assert list(apps) == ["city-api", "docspell", "meetinity-user-service", "genesis", "penpal"]


@pytest.mark.parametrize(
    ("app", "path", "found", "write"),
    [
        ("{conectionLimit: 5}", "conectionLimit", "conectionLimit: 5", "connectionLimit: 5"),
        ("{connectionLimit: many}", "connectionLimit", "many", "connectionLimit: 20"),
        ("{statementTimeout: 30}", "statementTimeout", "30", "statementTimeout: 60s"),
        ("{database: postgres}", "database", "postgres", "database: city_api"),
        ("{database: pr_5}", "database", "pr_5", "database: city_api"),
        ("{cache: perhaps}", "cache", "perhaps", "cache: false"),
        ('{env: {A: "{database.ulr}"}}', "env.A", "{database.ulr}", "A: '{database.url}'"),
        ('{env: {A: "{redis.url}"}}', "env.A", "{redis.url}", "cache: true"),
        ('{env: {A: "{database.url"}}', "env.A", "braces", "A: '{database.url}'"),
        ('{env: {"1A": x}}', "env.1A", "1A", "_1A: …"),
        ("{grants: [{to: nobody, privileges: [SELECT]}]}", "grants.0.to", "nobody", "to: …"),
        ("{grants: [{to: other_ro, privileges: [RUN]}]}", "grants.0.privileges", "RUN", "privileges: [SELECT]"),
    ],
)  # fmt: skip
def test_one_wrong_key_is_named_with_the_line_to_write(app: str, path: str, found: str, write: str) -> None:
    all_of_it = problems(f"{BASE}apps:\n  city-api: {app}\n  other: {{}}\n")
    problem = all_of_it[f"socle:apps.city-api.{path}"]
    assert found in problem.found
    assert problem.write == write
    assert len(all_of_it) == 1


def test_all_problems_of_a_file_come_at_once() -> None:
    found = problems(
        "environment: {kind: locl}\nservr: {}\nserver: {type: embedded, port: x}\n"
        "apps: {city-api: {foo: 1}, other: {database: city_api}, Bad: {}}\n"
    )
    assert set(found) == {
        "socle:environment.kind",
        "socle:servr",
        "socle:server.port",
        "socle:apps.city-api.foo",
        "socle:apps.Bad",
    }


def test_contradictions_are_told_beside_wrong_keys() -> None:
    found = problems(f"{BASE}apps: {{city-api: {{foo: 1}}, other: {{database: city_api}}}}")
    assert set(found) == {"socle:apps.city-api.foo", "socle:apps.other.database"}


def test_two_applications_cannot_share_a_database_or_a_role() -> None:
    found = problems(f"{BASE}apps: {{a: {{database: x, role: r}}, b: {{database: x, role: r}}}}")
    assert {path: problem.found for path, problem in found.items()} == {
        "socle:apps.b.database": "x, which is the database of a as well",
        "socle:apps.b.role": "r, which is the role of a as well",
    }


def test_a_name_that_postgresql_would_cut_is_refused() -> None:
    found = problems(f"{BASE}apps: {{a: {{database: {'d' * 60}}}}}")
    assert "at most" in found["socle:apps.a.database"].allowed


def test_a_server_has_to_fit_the_kind_of_environment() -> None:
    found = problems("environment: {kind: local}\nserver: {type: aurora}\n")
    assert found["socle:server.type"].write == "type: embedded"


def test_a_missing_server_and_environment_are_named() -> None:
    assert set(problems("apps: {}")) == {"socle:environment", "socle:server"}


def test_an_encrypted_value_is_never_shown() -> None:
    text = "environment: {kind: local}\nserver: {type: external, host: h, admin: {user: u, password: {secure: v1:abc}}}"
    assert "abc" not in str(problems(text)["socle:server.admin.password"])


@pytest.mark.parametrize("number", ["abc", "0", "-1", "12345678", "1.5"])
def test_a_pull_request_number_is_a_number(number: str) -> None:
    assert "socle:pullRequest.number" in problems(f"pullRequest: {{number: {number}, apps: [city-api]}}", "pr-1")


def test_the_number_has_to_be_the_stacks() -> None:
    found = problems("pullRequest: {number: 7, apps: [city-api]}", "pr-8")
    assert found["socle:pullRequest.number"].write == "number: 8"


@pytest.mark.parametrize(("apps", "branch"), [("[city-api]", "pr_7"), ("[city-api, docspell]", "pr_7_city_api")])
def test_a_branch_is_named_after_its_application_where_there_are_several(apps: str, branch: str) -> None:
    settings = load(f"pullRequest: {{number: 7, apps: {apps}}}", "pr-7")
    assert isinstance(settings, PullRequestSettings)
    assert settings.pull_request.branch("city-api") == branch
