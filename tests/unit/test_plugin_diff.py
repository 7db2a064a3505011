"""The stand-in for the postgresql plugin, as far as no server is needed: inputs, differences, ids and the state's form.

What is expected here was read off the real plugin (3.18.2) going through the same changes.
"""

from __future__ import annotations

from typing import Any

import pytest

from tools.plugins.postgresql import grant_sql, privileges
from tools.plugins.postgresql import properties as bridge
from tools.plugins.postgresql.__main__ import resource_types
from tools.plugins.postgresql.catalog import literal, quoted
from tools.plugins.postgresql.config import from_variables
from tools.plugins.postgresql.connection import Server
from tools.plugins.resource import Change, Naming, NamingMode, PluginError, State
from tools.plugins.values import UNKNOWN, Properties

TYPES = resource_types(Server())
ROLE = TYPES["postgresql:index/role:Role"]
DATABASE = TYPES["postgresql:index/database:Database"]
GRANT = TYPES["postgresql:index/grant:Grant"]
DEFAULTS = TYPES["postgresql:index/defaultPrivileges:DefaultPrivileges"]
SCHEMA = TYPES["postgresql:index/schema:Schema"]
EXTENSION = TYPES["postgresql:index/extension:Extension"]
GRANT_ROLE = TYPES["postgresql:index/grantRole:GrantRole"]
NAMING = Naming(resource="app", seed=b"seed")

ON_DATABASE = {"role": "app", "database": "shop", "objectType": "database", "privileges": ["CONNECT"]}
GRANTED = ON_DATABASE | {"schema": None, "objects": None, "columns": None, "withGrantOption": False}


def check(resource: Any, news: Properties, olds: Properties | None = None) -> Properties:
    inputs, failures = resource.check(olds or {}, news, NAMING)
    assert failures == []
    return inputs


def faults(resource: Any, news: Properties) -> list[str]:
    return [failure.reason for failure in resource.check({}, news, NAMING)[1]]


def state(outputs: Properties) -> State:
    return State(id="id", inputs={}, outputs=outputs)


def test_a_role_s_defaults_are_listed_and_false_ones_left_out() -> None:
    assert check(ROLE, {"name": "app"}) == {
        "name": "app",
        "connectionLimit": -1,
        "encryptedPassword": True,
        "inherit": True,
        "validUntil": "infinity",
        "__defaults": ["connectionLimit", "encryptedPassword", "inherit", "validUntil"],
    }


def test_a_default_of_last_time_stays() -> None:
    olds = {"name": "app-1234567", "superuser": False, "connectionLimit": 3, "__defaults": ["name", "superuser"]}
    inputs = check(ROLE, {}, olds)
    assert (inputs["name"], inputs["superuser"], inputs["connectionLimit"]) == ("app-1234567", False, -1)


def test_a_name_is_made_once_and_the_same_in_preview_and_update() -> None:
    first, second = check(ROLE, {})["name"], check(ROLE, {})["name"]
    assert first == second
    assert first.startswith("app-")
    assert len(first) == len("app-") + 7


def test_naming_follows_the_stack_s_settings() -> None:
    assert bridge.automatic_name(Naming(resource="app", mode=NamingMode.ENFORCE, proposed="mine")) == "mine"
    _, failures = ROLE.check({}, {}, Naming(resource="app", mode=NamingMode.DISABLE))
    assert failures[0].property == "name"


def test_inputs_take_the_type_of_their_property_and_lose_nulls() -> None:
    inputs = check(ROLE, {"name": "app", "connectionLimit": "10", "login": "true", "password": None})
    assert (inputs["connectionLimit"], inputs["login"], "password" in inputs) == (10, True, False)


@pytest.mark.parametrize(
    ("resource", "news", "reason"),
    [
        (GRANT, ON_DATABASE | {"objectType": "view"}, "must be one of database"),
        (GRANT, {"role": "app"}, "'database' is required"),
        (ROLE, {"name": "a", "connectionLimit": -2}, "at least -1"),
        (ROLE, {"name": "a", "login": "perhaps"}, "of type boolean"),
        (ROLE, {"name": "a", "password": "p", "passwordWo": "q", "passwordWoVersion": "1"}, "conflicts with"),
        (ROLE, {"name": "a", "passwordWo": "q"}, "needs 'passwordWoVersion'"),
        (ROLE, {"name": "a", "pasword": "p"}, "no property 'pasword'"),
    ],
)
def test_what_cannot_be_right_is_refused(resource: Any, news: Properties, reason: str) -> None:
    assert any(reason in fault for fault in faults(resource, news))


def test_unknown_inputs_are_no_fault() -> None:
    assert faults(GRANT, dict.fromkeys(ON_DATABASE, UNKNOWN)) == []


@pytest.mark.parametrize("resource", TYPES.values())
def test_a_resource_as_it_was_made_has_no_changes(resource: Any) -> None:
    values = {"string": "x", "integer": 7, "boolean": True, "list": ["b", "a"], "set": ["b", "a"], "blocks": []}
    news = {prop.name: values[prop.kind.value] for prop in resource.schema}
    made = bridge.outputs(resource.schema, "id", bridge.wanted(resource.schema, {}, news))
    assert resource.diff(state(made), news).changes == {}


def test_missing_and_zero_are_the_same() -> None:
    outputs = {"name": "app", "assumeRole": "", "roles": [], "statementTimeout": 0, "encryptedPassword": True}
    outputs |= {"inherit": True, "validUntil": "infinity", "connectionLimit": -1}
    assert ROLE.diff(state(outputs), {"name": "app"}).changes == {}


def test_a_set_has_no_order_and_a_list_has() -> None:
    outputs = check(ROLE, {"name": "app"}) | {"roles": ["a", "b"], "searchPaths": ["a", "b"]}
    result = ROLE.diff(state(outputs), outputs | {"roles": ["b", "a", "b"], "searchPaths": ["b", "a"]})
    assert result.changes == {"searchPaths": Change.UPDATE}


def test_a_role_is_renamed_in_place() -> None:
    outputs = check(ROLE, {"name": "app"})
    assert ROLE.diff(state(outputs), outputs | {"name": "shop"}).changes == {"name": Change.UPDATE}


def test_privileges_change_in_place_and_the_rest_of_a_grant_replaces_by_deleting_first() -> None:
    result = GRANT.diff(state(GRANTED), ON_DATABASE | {"privileges": ["TEMPORARY"]})
    assert (result.changes, result.replaces) == ({"privileges": Change.UPDATE}, ())
    result = GRANT.diff(state(GRANTED), ON_DATABASE | {"role": "ro", "schema": "app"})
    assert result.changes == {"role": Change.UPDATE_REPLACE, "schema": Change.ADD_REPLACE}
    assert result.delete_before_replace


def test_an_unknown_value_may_replace() -> None:
    assert GRANT.diff(state(GRANTED), ON_DATABASE | {"role": UNKNOWN}).replaces == ("role",)


@pytest.mark.parametrize(("defaulted", "first"), [([], True), (["name"], False)])
def test_a_database_with_a_chosen_name_is_deleted_before_its_replacement(defaulted: list[str], first: bool) -> None:
    outputs = check(DATABASE, {"name": "shop"}) | {"encoding": "UTF8"}
    news = {"name": "shop", "encoding": "LATIN1", "__defaults": defaulted}
    assert DATABASE.diff(state(outputs), news).delete_before_replace is first


def test_what_the_server_chose_is_no_change() -> None:
    outputs = {"name": "shop", "owner": "admin", "lcCollate": "C", "template": "template0"}
    outputs |= {"connectionLimit": -1, "allowConnections": True}
    assert DATABASE.diff(state(outputs), {"name": "shop"}).changes == {}


def test_a_preview_says_what_only_the_server_can_tell() -> None:
    made, outputs = DATABASE.create({"name": "shop", "template": "t"}, preview=True)
    assert (made, outputs["template"], outputs["encoding"], outputs["connectionLimit"]) == ("", "t", UNKNOWN, -1)


def test_a_password_that_is_only_written_is_in_no_output() -> None:
    news = {"name": "app", "passwordWo": "p", "passwordWoVersion": "1"}
    _, outputs = ROLE.create(news, preview=True)
    assert "passwordWo" not in outputs
    assert bridge.outputs(ROLE.schema, "app", news)["passwordWo"] is None


@pytest.mark.parametrize(
    ("resource", "values", "expected"),
    [
        (GRANT, ON_DATABASE, "app_shop_database"),
        (GRANT, ON_DATABASE | {"objectType": "table", "schema": "s"}, "app_shop_s_table"),
        (
            GRANT,
            ON_DATABASE | {"objectType": "column", "schema": "s", "objects": ["t"], "columns": ["b", "a"]},
            "app_shop_s_column_t_b_a",
        ),
        (
            GRANT,
            ON_DATABASE | {"objectType": "function", "schema": "s", "objects": ["armor(bytea)", "crypt"]},
            "app_shop_s_function_crypt_armor(bytea)",
        ),
        (DEFAULTS, ON_DATABASE | {"objectType": "table", "owner": "o"}, "app_shop_noschema_o_table"),
        (DEFAULTS, ON_DATABASE | {"objectType": "table", "owner": "o", "schema": "s"}, "app_shop_s_o_table"),
        (GRANT_ROLE, {"role": "a", "grantRole": "b"}, "a_b_false"),
        (GRANT_ROLE, {"role": "a", "grantRole": "b", "withAdminOption": True}, "a_b_true"),
        (SCHEMA, {"database": "shop", "name": "s"}, "shop.s"),
        (EXTENSION, {"database": "shop", "name": "pgcrypto"}, "shop.pgcrypto"),
        (ROLE, {"name": "app"}, "app"),
    ],
)
def test_ids(resource: Any, values: Properties, expected: str) -> None:
    assert resource.identify({prop.name: prop.normal(values.get(prop.name)) for prop in resource.schema}) == expected


def test_the_state_has_every_property_and_the_bridge_s_key() -> None:
    outputs = bridge.outputs(ROLE.schema, "app", {"name": "app", "roles": ["o"], "searchPaths": None})
    assert set(outputs) == {prop.name for prop in ROLE.schema} | {"id", "__pulumi_raw_state_delta"}
    assert outputs["__pulumi_raw_state_delta"] == {
        "obj": {"ps": {"roles": {"arr": {}}}, "renamed": {"searchPaths": "search_path"}}
    }
    assert bridge.outputs(GRANT_ROLE.schema, "x", {})["__pulumi_raw_state_delta"] == {"obj": {}}


def test_an_emptied_value_stays_empty_and_one_that_never_was_stays_null() -> None:
    before, after = {"roles": ["o"], "password": "p"}, {"roles": [], "searchPaths": [], "password": None}
    assert bridge.settled(ROLE.schema, before, after) == {"roles": [], "searchPaths": None, "password": ""}


def test_a_refresh_changes_given_inputs_only() -> None:
    olds = {"privileges": ["USAGE", "SELECT"], "role": "app", "__defaults": []}
    now = GRANTED | {"privileges": ["INSERT", "SELECT"]}
    assert bridge.refreshed_inputs(GRANT.schema, olds, now) == {
        "privileges": ["SELECT"],
        "role": "app",
        "__defaults": [],
    }


def test_a_changed_default_is_one_no_longer() -> None:
    olds = {"connectionLimit": -1, "inherit": True, "__defaults": ["connectionLimit", "inherit"]}
    found = bridge.refreshed_inputs(ROLE.schema, olds, {"connectionLimit": 5, "inherit": True})
    assert found == {"connectionLimit": 5, "inherit": True, "__defaults": ["inherit"]}


def test_an_import_leaves_out_what_a_program_would() -> None:
    found = bridge.imported_inputs(
        ROLE.schema, {"name": "app", "connectionLimit": -1, "login": True, "superuser": False}
    )
    assert found == {"name": "app", "login": True, "__defaults": []}


def test_all_stands_for_every_privilege() -> None:
    assert privileges.same("schema", ["ALL"], ["USAGE", "CREATE"], 180000)
    assert not privileges.same("table", ["ALL"], privileges.allowed("table", 160000), 170000)
    with pytest.raises(PluginError, match="SELECT is not a privilege on a database"):
        privileges.validate("database", ["SELECT"], 180000)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"objectType": "database"}, 'ALL PRIVILEGES ON DATABASE "shop"'),
        ({"objectType": "table"}, 'ALL PRIVILEGES ON ALL TABLES IN SCHEMA "s"'),
        ({"objectType": "table", "objects": ["t"]}, 'CONNECT ON TABLE "s"."t"'),
        ({"objectType": "function", "objects": ["f(int)"]}, 'CONNECT ON FUNCTION "s"."f"(int)'),
        ({"objectType": "column", "objects": ["t"], "columns": ["a"]}, 'CONNECT ("a") ON TABLE "s"."t"'),
    ],
)
def test_what_a_grant_revokes(values: Properties, expected: str) -> None:
    base = ON_DATABASE | {"schema": "s", "objects": [], "columns": []}
    assert grant_sql.revoke(base | values) == f'REVOKE {expected} FROM "app"'


def test_names_and_strings_are_quoted() -> None:
    assert quoted('a"b') == '"a""b"'
    assert literal("it's") == "'it''s'"
    assert literal("a\\'b") == " E'a\\\\''b'"


def test_the_configuration_comes_as_strings_and_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example")
    config = from_variables({"port": "5433", "superuser": "false", "password": "p"})
    assert (config.host, config.port, config.superuser, config.sslmode) == ("db.example", 5433, False, "require")
    assert "'p'" not in repr(config)


@pytest.mark.parametrize("variables", [{"scheme": "awspostgres"}, {"awsRdsIamAuth": "true"}, {"port": "many"}])
def test_what_the_stand_in_cannot_serve_is_refused(variables: Properties) -> None:
    with pytest.raises(PluginError):
        from_variables(variables)
