"""Names: what they are made of, what is refused, and that reading undoes making."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branching import names
from branching.errors import NameRefusedError

DATABASES = st.from_regex(r"[a-z][a-z0-9_]{0,40}", fullmatch=True)


@given(database=DATABASES, version=st.integers(1, 10**6))
def test_a_snapshots_name_is_read_back(database: str, version: int) -> None:
    parsed = names.parse_snapshot(names.snapshot_name(database, version))
    assert parsed == names.SnapshotName(database=database, version=version)


@given(number=st.integers(1, 10**9), application=st.none() | st.from_regex(r"[a-z][a-z0-9-]{0,40}", fullmatch=True))
def test_a_branchs_name_is_read_back(number: int, application: str | None) -> None:
    parsed = names.parse_branch(names.branch_name(number, application))
    assert parsed is not None
    assert parsed.pull_request == number
    assert parsed.application == (application.replace("-", "_") if application else None)


@given(st.text(max_size=80))
def test_no_text_is_taken_for_a_branch_that_postgresql_would_cut(name: str) -> None:
    try:
        names.checked_branch(name)
    except NameRefusedError:
        return
    assert name.startswith("pr_")
    assert name.isascii()
    assert len(name) <= names.MAX_BYTES


def test_examples() -> None:
    assert names.snapshot_name("city_api", 7) == "city_api_snapshot_v7"
    assert names.branch_name(123) == "pr_123"
    assert names.branch_name(123, "city-api") == "pr_123_city_api"
    assert names.branch_owner("city_api") == "city_api_branch"


@pytest.mark.parametrize(
    "name", ["city_api_snapshot_v0", "city_api_snapshot_v", "_snapshot_v1", "city_api_snapshot_v01"]
)
def test_what_is_no_snapshot(name: str) -> None:
    assert names.parse_snapshot(name) is None


@pytest.mark.parametrize("name", ["pr_0", "pr_", "pr_01", "pr_1_", "pr_1_A", "xpr_1", "pr_1\n", "template1", "pr_1-2"])
def test_what_is_no_branch(name: str) -> None:
    with pytest.raises(NameRefusedError, match="is not a branch's name"):
        names.checked_branch(name)


def test_63_bytes_pass_and_64_are_said() -> None:
    fitting = "d" * (63 - len("_snapshot_v1"))
    assert len(names.snapshot_name(fitting, 1)) == 63
    with pytest.raises(NameRefusedError, match="has 64 bytes; PostgreSQL cuts names at 63") as caught:
        names.snapshot_name(fitting, 10)
    assert "by 1 bytes" in caught.value.remedy
    with pytest.raises(NameRefusedError, match="64 bytes"):
        names.branch_owner("é" * 28 + "x")
    with pytest.raises(NameRefusedError):
        names.snapshot_name("city_api", 0)
