"""Names and their limits."""

from __future__ import annotations

import pytest

from components import names


def test_three_roles_are_derived_from_one_name() -> None:
    roles = names.roles("city_api")
    assert (roles.owner, roles.readwrite, roles.readonly) == ("city_api_owner", "city_api", "city_api_ro")


@pytest.mark.parametrize(
    "name", ["postgres", "template1", "pr_5", "pr_5_city_api", "pg_x", "x_snapshot_v3", "x_owner", "x_ro", "x_branch"]
)
def test_a_reserved_name_is_no_database(name: str) -> None:
    assert "reserved" in (names.database_problem(name) or "")


def test_the_longest_database_leaves_room_for_its_snapshots() -> None:
    longest = "d" * names.DATABASE_LENGTH
    assert names.database_problem(longest) is None
    assert len(f"{longest}_snapshot_v999999") == names.IDENTIFIER_BYTES
    assert "at most" in (names.database_problem(longest + "d") or "")


def test_the_longest_application_fits_a_branch_of_several() -> None:
    longest = "a" * names.APPLICATION_LENGTH
    assert names.application_problem(longest) is None
    assert len(f"pr_{names.MAX_PULL_REQUEST}_{longest}") <= names.IDENTIFIER_BYTES
    assert names.application_problem(longest + "a") is not None


@pytest.mark.parametrize("name", ["City", "city_api", "default", "socle-admin", "-city", "city-", "1city", "", "cité"])
def test_what_is_no_application(name: str) -> None:
    assert names.application_problem(name) is not None


@pytest.mark.parametrize(
    ("stack", "number"), [("pr-123", 123), ("pr-0", None), ("pr-12a", None), ("local", None), ("pr-12345678", None)]
)
def test_a_pull_request_stack_is_known_by_its_name(stack: str, number: int | None) -> None:
    assert names.pull_request_number(stack) == number
