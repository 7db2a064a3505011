"""The plan as SQL: what is quoted how, what comes in which step, and what a catalog that differs brings about."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from components import names
from components.postgres import catalog, rights, script
from components.postgres.catalog import Found, Inside, Membership, Role
from components.postgres.database_plan import DatabasePlan, from_properties, to_properties
from components.postgres.privileges import ExtraGrant, plan
from components.postgres.statements import Statements, drop, identifier, literal, mark, rename, render


def planned(**changes: Any) -> DatabasePlan:
    roles = changes.pop("roles", names.roles("city_api"))
    extra = changes.pop("extra", ())
    schemas = changes.get("schemas", ())
    values: dict[str, Any] = {
        "database": "city_api",
        "roles": roles,
        "privileges": plan(roles, schemas, extra),
        "connection_limit": 20,
        "statement_timeout_ms": 60_000,
        "idle_in_transaction_timeout_ms": 30_000,
    }
    return DatabasePlan(**(values | changes))


PLAN = planned()
READER = ExtraGrant(role="docspell_ro", object_type="table", privileges=("SELECT",))


def role(**changes: Any) -> Role:
    settings = tuple(f"{name}={value}" for name, value in catalog.settings(PLAN).items())
    kept: dict[str, Any] = {"login": True, "inherit": False, "limit": 20, "expires": False, "settings": settings}
    return Role(**(kept | {"powers": (), "comment": mark(PLAN)} | changes))


def as_planned(**changes: Any) -> Found:
    """A server on which everything is as the plan has it."""
    acl = {("public", "x")} - {("public", "x")}
    for one in rights.granted(PLAN):
        if one.object_type == "database":
            acl |= {(grantee, its) for grantee, privileges in one.of.items() for its in privileges}
    values: dict[str, Any] = {
        "roles": {
            "city_api_owner": role(login=False, inherit=True, limit=-1, settings=()),
            "city_api": role(),
            "city_api_ro": role(),
        },
        "memberships": (member(),),
        "owner": "city_api_owner",
        "acl": frozenset(acl),
    }
    return Found(**(values | changes))


def member(**changes: Any) -> Membership:
    kept = {"role": "city_api_owner", "member": "city_api", "grantor": "postgres", "admin": False, "inherit": False}
    return Membership(**(kept | changes))


def text(steps: Statements) -> str:
    return "\n".join((*steps.roles, steps.create, *steps.access, *steps.inside))


@pytest.mark.parametrize(
    ("value", "quoted"),
    [("plain", "'plain'"), ("it's", "'it''s'"), ("a\\b", "E'a\\\\b'"), ("'; DROP --", "'''; DROP --'"), ("", "''")],
)
def test_a_literal_is_quoted(value: str, quoted: str) -> None:
    assert literal(value) == quoted


def test_an_identifier_is_quoted_whatever_is_in_it() -> None:
    assert identifier('Odd "Name"; --') == '"Odd ""Name""; --"'


def test_the_names_of_a_plan_appear_only_quoted() -> None:
    roles = names.RoleNames(owner='o"o', readwrite='a"a', readonly='r"r')
    steps = render(planned(database='d"d', schemas=('s"s',), extensions=('e"e',), roles=roles), Found(), {})
    for name in ("d", "s", "e", "o", "a", "r"):
        # In the roles' comments it is inside a literal.
        assert f'{name}"{name}' not in text(steps).replace('""', "").replace("'socle: d\"d'", "")
        assert f'"{name}""{name}"' in text(steps)


def test_a_plan_survives_json() -> None:
    whole = planned(schemas=("reports",), extensions=("vector",), extra=(READER,))
    assert from_properties(json.loads(json.dumps(to_properties(whole)))) == whole


def test_a_new_application_takes_four_steps() -> None:
    steps = render(PLAN, Found(), {"city_api": "SCRAM-SHA-256$x", "city_api_ro": "SCRAM-SHA-256$y"})
    assert steps.roles[:2] == (
        'CREATE ROLE "city_api_owner"',
        "COMMENT ON ROLE \"city_api_owner\" IS 'socle: city_api'",
    )
    assert 'GRANT "city_api_owner" TO "city_api" WITH INHERIT FALSE, SET TRUE' in steps.roles
    assert steps.create == ('CREATE DATABASE "city_api" OWNER "city_api_owner" TEMPLATE template0 ENCODING \'UTF8\'')
    assert steps.access == (
        'REVOKE ALL ON DATABASE "city_api" FROM PUBLIC, "city_api", "city_api_ro" CASCADE',
        'GRANT CONNECT, TEMPORARY ON DATABASE "city_api" TO "city_api"',
        'GRANT CONNECT ON DATABASE "city_api" TO "city_api_ro"',
    )
    assert 'GRANT USAGE ON SCHEMA "public" TO PUBLIC' in steps.inside
    head = 'ALTER DEFAULT PRIVILEGES FOR ROLE "city_api_owner"'
    assert f'{head} GRANT DELETE, INSERT, SELECT, UPDATE ON TABLES TO "city_api"' in steps.inside
    assert f"{head} GRANT EXECUTE ON FUNCTIONS TO PUBLIC" in steps.inside


def test_a_login_has_its_limits_and_its_verifier_and_the_owner_neither() -> None:
    steps = render(PLAN, Found(), {"city_api": "SCRAM-SHA-256$x"})
    assert (
        "ALTER ROLE \"city_api\" LOGIN NOINHERIT CONNECTION LIMIT 20 VALID UNTIL 'infinity' PASSWORD 'SCRAM-SHA-256$x'"
    ) in steps.roles
    assert 'ALTER ROLE "city_api" SET statement_timeout = 60000' in steps.roles
    assert 'ALTER ROLE "city_api_owner" NOLOGIN' in steps.roles
    assert not any("PASSWORD" in one and "city_api_ro" in one for one in steps.roles)


def test_what_is_there_is_not_made_again() -> None:
    steps = render(PLAN, as_planned(), {})
    assert steps.create == ""
    assert not any(word in text(steps) for word in ("CREATE ROLE", "COMMENT", 'GRANT "city_api_owner"', "OWNER TO"))


def test_powers_and_memberships_beyond_the_plan_are_taken_away() -> None:
    roles = {**as_planned().roles, "city_api": role(powers=("SUPERUSER", "CREATEDB"))}
    there = as_planned(
        roles=roles, memberships=(member(admin=True), member(role="pg_monitor", member="city_api_ro", grantor="dba"))
    )
    steps = render(PLAN, there, {}).roles
    assert any(one.startswith('ALTER ROLE "city_api" NOSUPERUSER NOCREATEDB LOGIN') for one in steps)
    revoked = 'REVOKE "city_api_owner" FROM "city_api" GRANTED BY "postgres" CASCADE'
    granted = 'GRANT "city_api_owner" TO "city_api" WITH INHERIT FALSE, SET TRUE'
    assert steps.index(revoked) < steps.index(granted)
    assert 'REVOKE "pg_monitor" FROM "city_api_ro" GRANTED BY "dba" CASCADE' in steps


def test_version_15_knows_no_options_of_a_membership() -> None:
    steps = render(PLAN, Found(version=15, memberships=(member(role="x"),)), {}).roles
    assert 'GRANT "city_api_owner" TO "city_api"' in steps
    assert 'REVOKE "x" FROM "city_api" CASCADE' in steps


def test_an_administrator_without_superuser_becomes_a_member_and_acts_as_the_owner() -> None:
    steps = render(PLAN, Found(superuser=False), {})
    assert steps.roles[-1] == 'GRANT "city_api_owner" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE'
    assert 'SET LOCAL ROLE "city_api_owner"' in steps.inside
    assert not any("CURRENT_USER" in one for one in render(PLAN, Found(superuser=False, member=True), {}).roles)
    assert "SET LOCAL ROLE" not in text(render(PLAN, Found(), {}))


def test_what_the_plan_of_last_time_gave_is_taken_back() -> None:
    before = planned(schemas=("old",), extensions=("citext",), extra=(READER,))
    roles = {**as_planned().roles, "docspell_ro": role()}
    steps = render(PLAN, as_planned(roles=roles), {}, before)
    assert 'DROP EXTENSION IF EXISTS "citext"' in steps.inside
    assert 'DROP SCHEMA IF EXISTS "old"' in steps.inside
    assert 'REVOKE ALL ON DATABASE "city_api" FROM PUBLIC, "city_api", "city_api_ro", "docspell_ro" CASCADE' in (
        steps.access
    )
    assert 'REVOKE ALL ON ALL TABLES IN SCHEMA "public" FROM "docspell_ro" CASCADE' in steps.inside
    assert not any("docspell_ro" in one for one in render(PLAN, as_planned(), {}, before).inside), "dropped meanwhile"


def test_a_rename_renames_what_is_there() -> None:
    new = planned(database="city", roles=names.roles("city"))
    assert rename(new, PLAN, as_planned()) == (
        'ALTER DATABASE "city_api" RENAME TO "city"',
        'ALTER ROLE "city_api_owner" RENAME TO "city_owner"',
        'ALTER ROLE "city_api" RENAME TO "city"',
        'ALTER ROLE "city_api_ro" RENAME TO "city_ro"',
    )
    assert rename(new, PLAN, Found()) == ()


def test_the_database_goes_before_its_roles() -> None:
    helped, database, roles = drop(PLAN, as_planned())
    assert (helped, database) == ((), 'DROP DATABASE IF EXISTS "city_api" WITH (FORCE)')
    assert roles[-1] == 'DROP ROLE IF EXISTS "city_api_owner"'
    assert len(drop(PLAN, as_planned(superuser=False))[0]) == 3


def within(**changes: Any) -> Inside:
    usage = {"public": frozenset({("public", "USAGE")})}
    kept = {
        (one.object_type, one.schema): frozenset(
            (grantee, its) for grantee, privileges in one.of.items() for its in privileges
        )
        for one in rights.defaults(PLAN)
        if not one.schema
    }
    values: dict[str, Any] = {
        "extensions": frozenset(), "schemas": {"public": "pg_database_owner"}, "schema_acls": usage, "defaults": kept
    }  # fmt: skip
    return Inside(**(values | changes))


def test_a_server_as_planned_has_no_drift() -> None:
    assert catalog.drift(PLAN, as_planned(), within()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"acl": as_planned().acl | {("public", "CONNECT")}}, "CONNECT on city_api granted to PUBLIC"),
        ({"acl": as_planned().acl - {("city_api", "CONNECT")}}, "CONNECT on city_api missing for city_api"),
        ({"owner": "bob"}, "database city_api owned by bob"),
        ({"roles": {**as_planned().roles, "city_api": role(limit=5)}}, "role city_api has connection limit 5"),
        ({"roles": {**as_planned().roles, "city_api": role(powers=("CREATEDB",))}}, "role city_api has CREATEDB"),
        ({"memberships": ()}, "role city_api is no member of city_api_owner"),
        (
            {"memberships": (member(), member(role="pg_monitor"))},
            "role city_api is a member of pg_monitor",
        ),
    ],
)
def test_drift_is_said_in_words(changes: dict[str, Any], said: str) -> None:
    assert catalog.drift(PLAN, as_planned(**changes), within()) == [said]


def test_drift_within_the_database_is_said_in_words() -> None:
    acl = {"public": frozenset({("public", "USAGE"), ("public", "CREATE")})}
    defaults = {**within().defaults, ("table", "public"): frozenset({("city_api_ro", "UPDATE")})}
    assert catalog.drift(PLAN, as_planned(), within(schema_acls=acl, defaults=defaults)) == [
        "CREATE on schema public granted to PUBLIC",
        "UPDATE on tables to come in public granted to city_api_ro",
    ]


def test_the_script_refuses_before_it_does_anything_and_holds_no_password() -> None:
    said = script.script(PLAN, {"city_api": "SCRAM-SHA-256$x"}, version=17)
    lines = said.splitlines()
    assert lines[0] == r"\set ON_ERROR_STOP on"
    assert lines.index("BEGIN;") > max(number for number, line in enumerate(lines) if line.startswith("DO "))
    assert "PASSWORD 'SCRAM-SHA-256$x'" in said
    assert r'\connect "city_api"' in lines
    assert "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS" in said


def test_a_plan_is_a_value() -> None:
    assert dataclasses.replace(PLAN) == PLAN
