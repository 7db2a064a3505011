"""A first rules file: what it hides, what it keeps, and that it is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branching.masking.profile import Profile
from branching.masking.proposals import propose
from branching.masking.rules import Rules, classify
from branching.masking.rules_file import parse
from branching.masking.rules_writer import added
from branching.relations import Column, Table, TableKind

NONE = Rules(path="m.yaml", tables={}, lines={})


def table(name: str, *columns: Column) -> Table:
    return Table(schema="public", name=name, kind=TableKind.ORDINARY, columns=columns)


def rule_of(column: Column, profile: Profile | None = None, name: str = "things") -> str:
    one = table(name, column)
    profiles = {(one.key, column.name): profile} if profile else {}
    [proposal] = propose([one], profiles, NONE)[one.key]
    return proposal.rule


@pytest.mark.parametrize(
    ("name", "type_", "rule"),
    [
        ("email", "text", "fake-email"),
        ("contactEmail", "public.citext", "fake-email"),
        ("work_phone2", "character varying(20)", "fake-phone"),
        ("first_name", "text", "fake-first-name"),
        ("ship_address", "text", "fake-address"),
        ("birth_date", "date", "shift"),
        ("password_hash", "text", "null"),
        ("ip", "inet", "null"),
        ("latitude", "double precision", "null"),
        ("salary", "numeric(10,2)", "shuffle"),
        ("iban", "text", "hash"),
        ("notes", "text", "null"),
        ("payload", "jsonb", "null"),
        ("tags", "text[]", "null"),
        ("photo", "bytea", "null"),
        ("weight", "real", "keep"),
        ("created_at", "timestamp with time zone", "keep"),
        ("active", "boolean", "keep"),
        ("name", "text", "null"),
    ],
)
def test_names_and_types_decide(name: str, type_: str, rule: str) -> None:
    assert rule_of(Column(name=name, type=type_)) == rule


@pytest.mark.parametrize(
    ("column", "rule"),
    [
        (Column(name="notes", type="text", not_null=True), "hash"),
        (Column(name="payload", type="jsonb", not_null=True), "{sql: \"'{}'\"}"),
        (Column(name="code", type="character(2)", not_null=True), '{constant: "x"}'),
        (Column(name="email", type="character varying(20)"), "hash"),
        (Column(name="id", type="uuid", not_null=True, primary_key=True, unique=True), "keep"),
        (Column(name="email", type="text", not_null=True, primary_key=True, unique=True), "fake-email"),
        (Column(name="slug", type="text", not_null=True, unique=True), "hash"),
        (Column(name="mood", type="public.mood", enum=True), "keep"),
        (Column(name="day", type="date", partition_key=True), "keep"),
        (Column(name="pair", type="public.pair", not_null=True), "shuffle"),
    ],
)
def test_what_a_column_can_not_take_is_not_proposed(column: Column, rule: str) -> None:
    assert rule_of(column) == rule


def test_the_sample_decides_where_the_name_says_nothing() -> None:
    column = Column(name="value", type="text")
    assert rule_of(column, Profile(filled=10, distinct=9, longest=20, emails=8)) == "fake-email"
    assert rule_of(column, Profile(filled=10, distinct=9, longest=20, phones=10)) == "fake-phone"
    assert rule_of(column, Profile(filled=500, distinct=4, longest=9)) == "keep"
    assert rule_of(column, Profile(filled=50, distinct=4, longest=9)) == "null"
    assert rule_of(column, Profile(filled=500, distinct=400, longest=9)) == "null"
    assert rule_of(Column(name="name", type="text"), name="customers") == "fake-name"


def test_both_ends_of_a_foreign_key_meet() -> None:
    people = table("people", Column(name="email", type="text", not_null=True, primary_key=True, unique=True))
    letters = table(
        "letters",
        Column(name="sender", type="text", not_null=True, references=(("public.people", "email"),)),
        Column(name="copy", type="character varying(20)", references=(("public.people", "email"),)),
    )
    found = propose([letters, people], {}, NONE)
    assert [one.rule for one in found["public.letters"]] == ["fake-email", "null"]
    assert len(classify(parse(added("", found), "m.yaml"), [letters, people])) == 2


def test_the_file_keeps_its_rules_its_comments_and_its_order() -> None:
    text = "# Ours.\ntables:\n  public.b:\n    x: keep   # fine\n  docs.*:\n    _jsonb: keep\nexcludeSchemas: [audit]\n"
    tables = [
        table("a", Column(name="y", type="text")),
        table("b", Column(name="x", type="text"), Column(name="email", type="text")),
        Table(schema="docs", name="one", kind=TableKind.ORDINARY, columns=(Column(name="_jsonb", type="jsonb"),)),
    ]
    assert added(text, propose(tables, {}, parse(text, "m.yaml"))) == (
        "# Ours.\ntables:\n  public.b:\n    x: keep   # fine\n    email: fake-email  # an e-mail address by its name\n"
        "  docs.*:\n    _jsonb: keep\n"
        '  public.a:\n    y: "null"  # free text\n'
        "excludeSchemas: [audit]\n"
    )


TYPES = ["text", "character varying(8)", "character(1)", "uuid", "bigint", "jsonb", "bytea", "date", "public.mood",
         "text[]", "timestamp with time zone", "numeric", "xml", "public.pair", "tsvector"]  # fmt: skip
NAMES = ["id", "email", "notes", "born", "password", "x y", "Name", "ip", "null", "salary"]
COLUMNS = st.builds(
    lambda name, type_, not_null, unique, key, part: Column(
        name=name, type=type_, not_null=not_null or key, unique=unique or key, primary_key=key, partition_key=part
    ),
    st.sampled_from(NAMES), st.sampled_from(TYPES), st.booleans(), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip


@given(st.lists(COLUMNS, min_size=1, max_size=8, unique_by=lambda column: column.name))
def test_a_proposal_is_always_a_file_that_classifies_everything(columns: list[Column]) -> None:
    one = table("people", *columns)
    text = added("", propose([one], {}, NONE))
    assert len(classify(parse(text, "m.yaml"), [one])[one.key]) == len(columns)
