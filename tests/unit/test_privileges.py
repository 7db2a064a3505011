"""The privilege plan, as data."""

from __future__ import annotations

from components.names import roles
from components.postgres.privileges import ExtraGrant, plan

ROLES = roles("city_api")


def test_connect_is_given_before_public_loses_everything() -> None:
    database = [grant for grant in plan(ROLES).grants if grant.object_type == "database"]
    assert [(grant.role, grant.privileges) for grant in database] == [
        ("city_api", ("CONNECT", "TEMPORARY")),
        ("city_api_ro", ("CONNECT",)),
        ("public", ()),
    ]


def test_nothing_is_granted_to_the_owner_and_never_all() -> None:
    made = plan(ROLES, ("reports",), (ExtraGrant(role="docspell_ro", object_type="table", privileges=("SELECT",)),))
    assert all(grant.role != ROLES.owner for grant in (*made.grants, *made.default_privileges))
    assert all("ALL" not in grant.privileges for grant in (*made.grants, *made.default_privileges))


def test_public_cannot_create_in_the_public_schema() -> None:
    [public] = [grant for grant in plan(ROLES).grants if grant.object_type == "schema"]
    assert (public.role, public.schema, public.privileges) == ("public", "public", ("USAGE",))


def test_the_reading_role_gets_no_right_to_write() -> None:
    given = {
        grant.object_type: set(grant.privileges)
        for grant in plan(ROLES).default_privileges
        if grant.role == ROLES.readonly
    }
    assert given == {"table": {"SELECT"}, "sequence": {"SELECT"}, "function": {"EXECUTE"}}


def test_later_objects_are_covered_for_every_kind() -> None:
    covered = {grant.object_type for grant in plan(ROLES).default_privileges if grant.role == ROLES.readwrite}
    assert covered == {"table", "sequence", "function"}
    assert all(grant.owner == ROLES.owner for grant in plan(ROLES).default_privileges)


def test_an_extra_grant_brings_connect_and_covers_old_and_new_objects() -> None:
    made = plan(ROLES, (), (ExtraGrant(role="docspell_ro", object_type="table", privileges=("SELECT",)),))
    mine = [(g.object_type, g.privileges) for g in made.grants if g.role == "docspell_ro"]
    assert mine == [("database", ("CONNECT",)), ("table", ("SELECT",))]
    assert [g.privileges for g in made.default_privileges if g.role == "docspell_ro"] == [("SELECT",)]


def test_a_schema_of_its_own_is_usable_by_both_logins() -> None:
    made = plan(ROLES, ("reports",))
    assert {g.role for g in made.grants if g.schema == "reports"} == {"city_api", "city_api_ro"}


def test_names_within_a_plan_are_unique() -> None:
    extra = tuple(
        ExtraGrant(role="docspell_ro", object_type=kind, privileges=("SELECT",)) for kind in ("table", "sequence")
    )
    made = plan(ROLES, ("reports",), extra)
    for entries in (made.grants, made.default_privileges):
        assert len({entry.name for entry in entries}) == len(entries)
