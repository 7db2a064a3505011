"""Rotation: which login is used when, what its password comes from, and that nothing else changes.

Doesn't prove: that a server takes the logins as they are meant; tests/kubernetes/test_rotation.py does.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from components import names
from components.names import SecondLogins
from components.postgres import cnpg_manifests as cnpg
from components.postgres.catalog import Found, Membership, Role, drift
from components.postgres.database_plan import from_properties, to_properties
from components.postgres.script import removal, script
from components.postgres.statements import mark, render
from components.secrets.generated import derive
from components.secrets.turns import Turn, in_use, passwords
from stacks.loader import parse
from stacks.problems import SettingsError
from stacks.settings import EnvironmentSettings
from tests.unit.recording import Recording
from tests.unit.test_kubernetes_stack import APPS, cluster, composed, raw
from tests.unit.test_statements import planned
from tools import rotations
from tools.errors import ToolError
from tools.plugins.resource import PluginError, State
from tools.plugins.socle.rotation import Rotation
from tools.plugins.values import UNKNOWN, Properties

LOGINS = {"app": "app_rw2", "app_ro": "app_ro2"}
PLAN = planned(second=SecondLogins(readwrite="city_api_rw2", readonly="city_api_ro2"))
SECRETS = {number: f"{number:064x}" for number in range(6)}


def turn(number: int) -> Turn:
    return Turn(number=number, current=SECRETS[number], previous=SECRETS[number - 1])


@pytest.mark.parametrize("number", range(1, 5))
def test_a_rotation_changes_the_password_of_the_login_that_was_idle_and_of_no_other(number: int) -> None:
    before = passwords(turn(number), LOGINS)
    after = passwords(turn(number + 1), LOGINS)
    for first, second in LOGINS.items():
        used, next_used = in_use(number, first, second), in_use(number + 1, first, second)
        assert next_used != used
        assert after[used] == before[used]
        assert after[next_used] != before[next_used]


def test_the_first_rotation_leaves_the_first_login_the_password_it_always_had() -> None:
    original = SECRETS[0]
    found = passwords(Turn(number=1, current=SECRETS[1], previous=original), LOGINS)
    assert found["app"] == derive(original, "app") and found["app_ro"] == derive(original, "app_ro")
    assert (in_use(0, "app", "app_rw2"), in_use(1, "app", "app_rw2")) == ("app", "app_rw2")


def rotated(prior: State, date: str, *, preview: bool = False) -> State:
    news = prior.inputs | {"date": date}
    return State(id=prior.id, inputs=news, outputs=Rotation().update(prior, news, preview=preview))


def first() -> State:
    inputs: Properties = {"date": "2026-11-21"}
    name, outputs = Rotation().create(inputs, preview=False)
    return State(id=name, inputs=inputs, outputs=outputs)


def test_dates_are_counted_and_the_secret_before_is_kept_for_one_rotation() -> None:
    one = first()
    two = rotated(one, "2026-12-21")
    three = rotated(two, "2027-01-21")
    assert [state.outputs["number"] for state in (one, two, three)] == [1, 2, 3]
    assert one.outputs["previous"] == ""
    assert two.outputs["previous"] == one.outputs["current"]
    assert three.outputs["previous"] == two.outputs["current"]
    assert len({state.outputs["current"] for state in (one, two, three)}) == 3
    assert one.outputs["current"] not in three.outputs.values()


def test_an_earlier_date_is_refused_in_the_preview_too() -> None:
    for preview in (True, False):
        with pytest.raises(PluginError, match=r"2026-11-20 lies before 2026-11-21.* write 2026-11-21 back"):
            rotated(first(), "2026-11-20", preview=preview)


def test_a_preview_makes_no_secret_and_the_same_date_changes_nothing() -> None:
    assert rotated(first(), "2026-12-21", preview=True).outputs["current"] is UNKNOWN
    assert not Rotation().diff(first(), {"date": "2026-11-21"}).changes
    assert Rotation().secret_outputs == {"current", "previous"}


def test_a_second_login_inherits_from_the_first_and_the_first_from_nobody() -> None:
    steps = render(PLAN, Found(), {})
    assert 'GRANT "city_api_owner" TO "city_api" WITH INHERIT FALSE, SET TRUE' in steps.roles
    assert 'GRANT "city_api" TO "city_api_rw2" WITH INHERIT TRUE, SET TRUE' in steps.roles
    assert 'GRANT "city_api_ro" TO "city_api_ro2" WITH INHERIT TRUE, SET TRUE' in steps.roles
    attributes = {one.split('"')[1]: one for one in steps.roles if " CONNECTION LIMIT " in one}
    assert " INHERIT " in attributes["city_api_rw2"] and " NOINHERIT " in attributes["city_api"]
    assert 'ALTER ROLE "city_api_ro2" SET statement_timeout = 60000' in steps.roles
    granted = [one for one in (*steps.access, *steps.inside) if "GRANT" in one and 'TO "city_api_r' in one]
    assert not [one for one in granted if "2" in one], "their rights come by membership alone"


def test_drift_tells_a_second_login_that_lost_its_rights() -> None:
    def role(name: str, *, inherit: bool) -> Role:
        settings = ("statement_timeout=60000", "idle_in_transaction_session_timeout=30000")
        login = name != "city_api_owner"
        return Role(
            login=login, inherit=inherit, limit=20, expires=False, settings=settings, powers=(), comment=mark(PLAN)
        )

    def member(role: str, name: str, *, inherit: bool | None) -> Membership:
        return Membership(role=role, member=name, grantor="postgres", admin=False, inherit=inherit)

    roles = {name: role(name, inherit=name in PLAN.heirs) for name in PLAN.every_role}
    right = [member("city_api_owner", "city_api", inherit=False), member("city_api", "city_api_rw2", inherit=True)]
    there = Found(roles=roles, memberships=(*right, member("city_api_ro", "city_api_ro2", inherit=False)))
    told = [one for one in drift(PLAN, there, None) if "member" in one]
    assert told == ["role city_api_ro2 is no member of city_api_ro", "role city_api_ro2 is a member of city_api_ro"]
    old = Found(version=15, roles=roles, memberships=tuple(
        member(role, name, inherit=None) for role, name in PLAN.memberships
    ))  # fmt: skip
    assert not [one for one in drift(PLAN, old, None) if "member" in one]


def test_the_script_makes_and_removes_the_second_logins() -> None:
    assert 'CREATE ROLE "city_api_rw2"' in script(PLAN, {}, version=17)
    assert 'DROP ROLE IF EXISTS "city_api_ro2"' in removal(PLAN, version=17)


def test_a_plan_with_second_logins_survives_json_and_one_without_has_no_word_of_them() -> None:
    assert from_properties(json.loads(json.dumps(to_properties(PLAN)))) == PLAN
    assert "second" not in to_properties(planned())


def test_second_logins_are_reserved_and_fit_where_the_owner_fits() -> None:
    for ending in ("_rw2", "_ro2"):
        assert "_rw2" in (names.role_problem(f"city_api{ending}") or "")
    longest = names.roles("r" * names.ROLE_LENGTH)
    second = names.second_logins(longest)
    assert max(map(len, (second.readwrite, second.readonly))) <= len(longest.owner) == names.IDENTIFIER_BYTES


def test_the_operator_keeps_the_second_logins_like_the_first() -> None:
    secrets = {login: f"{login}-secret" for login in PLAN.logins}
    roles = {role.name: role for role in cnpg.application_roles(PLAN, comment="", secrets=secrets)}
    second, reader = roles["city_api_rw2"], roles["city_api_ro2"]
    assert (second.member_of, second.inherits, second.password_secret) == (("city_api",), True, "city_api_rw2-secret")
    assert (reader.member_of, reader.inherits) == (("city_api_ro",), True)
    assert not roles["city_api"].inherits and roles["city_api_ro"].member_of == ()


def environment(monkeypatch: pytest.MonkeyPatch, number: int) -> Recording:
    workload = {"image": "localhost/city-api", "tag": "test"}
    apps: dict[str, Any] = {**APPS, "city-api": {**APPS["city-api"], "rotation": "2026-11-21", "workload": workload}}
    apps["penpal"] = {**APPS["penpal"], "rotation": "2026-11-21"}
    state = {"number": number, "current": SECRETS[number], "previous": SECRETS[number - 1] if number > 1 else ""}
    return composed(monkeypatch, apps=apps, outputs={"city-api-rotation": state, "penpal-rotation": state})


def url(recording: Recording) -> str:
    return str(recording.one("Secret", "city-api-city-api-env").inputs["stringData"]["URL"])


def password(recording: Recording, secret: str) -> str:
    return str(recording.one("Secret", secret).inputs["stringData"]["password"])


FIRST, SECOND = "city-api-postgresql-credentials", "city-api-rw2-postgresql-credentials"


def test_the_application_goes_from_login_to_login_and_the_other_ones_password_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    never = composed(monkeypatch)
    one, two = environment(monkeypatch, 1), environment(monkeypatch, 2)
    assert "//city_api:" in url(never) and "//city_api_rw2:" in url(one) and "//city_api:" in url(two)
    assert password(one, FIRST) == password(never, FIRST) != password(two, FIRST)
    assert password(one, SECOND) == password(two, SECOND)
    assert password(one, SECOND) in url(one) and password(two, FIRST) in url(two)


def test_a_login_is_tried_anew_before_the_application_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = environment(monkeypatch, 1), environment(monkeypatch, 2)
    tasks = [found.one("Task", "city-api-privileges") for found in (one, two)]
    assert [task.inputs["triggers"] for task in tasks] == [{"rotation": "1"}, {"rotation": "2"}]
    checked = [value for value in tasks[0].inputs["apply"]["containers"][0]["env"] if value["name"].startswith("USER_")]
    assert SECOND in {value["valueFrom"]["secretKeyRef"]["name"] for value in checked} and len(checked) == 4
    assert "city-api" in one.one("ApplicationSecrets", "city-api").dependencies
    roles = {role["name"] for role in cluster(one)["managed"]["roles"]}
    assert {"city_api_rw2", "city_api_ro2", "penpal_rw2"} <= roles


@pytest.mark.parametrize("consumer", ["penpal-documents", "city-api-workload"])
def test_what_consumes_a_password_is_rolled_by_its_checksum(monkeypatch: pytest.MonkeyPatch, consumer: str) -> None:
    annotations = [
        found.one("Deployment", consumer).inputs["spec"]["template"]["metadata"]["annotations"]
        for found in (environment(monkeypatch, 1), environment(monkeypatch, 1), environment(monkeypatch, 2))
    ]
    assert annotations[0] == annotations[1] != annotations[2]


def test_who_does_not_rotate_has_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = composed(monkeypatch), environment(monkeypatch, 1)
    assert not before.of_type("Rotation")
    for one in before.resources:
        if "user-service" in one.name:
            assert one in after.resources, one.name
    roles = {role["name"] for role in cluster(after)["managed"]["roles"]}
    assert roles & {"user_service_rw2", "user_service_ro2", "city_api_ro2"} == {"city_api_ro2"}
    assert {"number", "current", "previous"} & after.one("Rotation", "city-api-rotation").secrets == {
        "current",
        "previous",
    }


def exported(*, number: int, tried: str | None) -> dict[str, Any]:
    urn = "urn:pulumi:dev::socle::"
    return {"deployment": {"resources": [
        {"urn": f"{urn}socle:secrets:Rotation::a-rotation", "type": "socle:secrets:Rotation",
         "inputs": {"date": "2026-11-21"}, "outputs": {"number": float(number)}},
        {"urn": f"{urn}x$socle:kubernetes:Task::a-privileges", "type": "socle:kubernetes:Task",
         "inputs": {"triggers": {"rotation": tried} if tried else {}}},
    ]}}  # fmt: skip


def dated(date: str | None) -> EnvironmentSettings:
    settings = parse({**raw(), "apps": {"a": {"rotation": date} if date else {}}}, "test", "dev")
    assert isinstance(settings, EnvironmentSettings)
    return settings


def test_a_date_that_was_carried_out_may_be_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    rotations.require_safe(exported(number=2, tried="2"), dated("2026-12-21"))
    rotations.require_safe(exported(number=2, tried="1"), dated("2026-11-21"))
    other = parse({**raw(), "apps": {"b": {}}}, "test", "dev")
    assert isinstance(other, EnvironmentSettings)
    rotations.require_safe(exported(number=2, tried="2"), other)


@pytest.mark.parametrize(("date", "write"), [(None, '"2026-11-21" back'), ("2026-12-21", '"2026-11-21", run')])
def test_what_would_take_the_login_in_use_away_is_refused_before_anything_changes(date: str | None, write: str) -> None:
    for tried in ("1", None):
        with pytest.raises(ToolError) as raised:
            rotations.require_safe(exported(number=2, tried=tried), dated(date))
        assert "socle:apps.a.rotation" in str(raised.value) and write in raised.value.remedy


def problems(text: str) -> dict[str, Any]:
    with pytest.raises(SettingsError) as raised:
        parse(YAML(typ="safe").load(text), "Pulumi.local.yaml", "local")
    return {problem.path: problem for problem in raised.value.problems}


def test_a_local_environment_rotates_nothing() -> None:
    base = "environment: {kind: local}\nserver: {type: embedded}\n"
    found = problems(f"{base}secrets: {{rotation: 2026-11-21}}\napps: {{a: {{rotation: 2026-11-21}}}}")
    assert set(found) == {"socle:secrets.rotation", "socle:apps.a.rotation"}
    assert found["socle:apps.a.rotation"].write == "remove this line"


@pytest.mark.parametrize("given", ["soon", "'2026-13-01'", "'2026-02-30'", "2026-11-21 10:00:00", "true"])
def test_what_is_no_date_is_refused(given: str) -> None:
    found = problems(
        f"environment: {{kind: kubernetes}}\nserver: {{type: cloudnativepg}}\nsecrets: {{rotation: {given}}}"
    )
    assert found["socle:secrets.rotation"].write == 'rotation: "2026-11-21"'


@pytest.mark.parametrize("given", ["2026-11-21", "'2026-11-21'", "2026-11-21T00:00:00Z"])
def test_a_date_is_one_however_yaml_reads_it(given: str) -> None:
    settings = parse({**raw(), "secrets": YAML(typ="safe").load(f"rotation: {given}")}, "test", "dev")
    assert isinstance(settings, EnvironmentSettings) and settings.secrets.rotation == "2026-11-21"


def test_the_later_date_of_application_and_environment_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    apps: dict[str, Any] = {"a": {"rotation": "2026-12-24"}, "b": {"rotation": "2026-01-01"}, "c": {}}
    state = {"number": 1, "current": SECRETS[1], "previous": ""}
    outputs = dict.fromkeys((f"{name}-rotation" for name in apps), state)
    found = composed(monkeypatch, apps=apps, secrets={"rotation": "2026-06-06"}, outputs=outputs)
    dates = {one.name: one.inputs["date"] for one in found.of_type("Rotation")}
    assert dates == {"a-rotation": "2026-12-24", "b-rotation": "2026-06-06", "c-rotation": "2026-06-06"}
