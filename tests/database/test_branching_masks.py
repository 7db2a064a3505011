"""Masks on a real server, by property: stable, of the right type, within length, unique where needed, NULL kept."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from branching.connection import Server, connect
from branching.errors import BuildFailedError, RulesError, SaltMissingError
from branching.masking import masks
from branching.masking import rule_words as words
from branching.masking.fakes import FAKES
from branching.relations import Column
from tests.database.branching_support import CANARY, Live

pytest_plugins = ["tests.database.branching_fixtures"]

SALT = "0123456789abcdef" * 4
TEXTS = ["text", "character varying(64)", "character(64)", "public.citext"]
TEXT_RULES = ["hash", *(fake.word for fake in FAKES)]

values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
rows = st.lists(st.none() | values, max_size=12)
many = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Mask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def server_of(server: Any) -> Server:
    return Server(
        host=server.host,
        port=server.port,
        user=server.admin,
        password=server.admin_password,
        sslrootcert=server.ca_file,
    )


@pytest.fixture(scope="module")
def mask(server_of: Server) -> Iterator[Mask]:
    """`mask(rule, type, values, salt)`: what is in the column, what the mask gives, and that one's type."""
    with connect(server_of) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS citext SCHEMA public")

    def run(rule: str, type_: str, given_values: list[Any], *, salt: str = SALT, **of: Any) -> list[tuple[Any, ...]]:
        column = Column(name="v", type=type_, **of)
        chosen = words.read(rule if rule in words.SIMPLE else _form(rule))
        assert chosen.refusal(column) == ""
        with connect(server_of, settings={masks.SALT: salt}) as session, session.transaction(force_rollback=True):
            session.execute(f"CREATE TEMP TABLE t (n serial, v {type_})".encode())
            with session.cursor() as cursor:
                cursor.executemany("INSERT INTO t (v) VALUES (%s)", [(value,) for value in given_values])
            masked = masks.value(chosen, column)
            query = sql.SQL("SELECT v, m, pg_typeof(m)::text FROM (SELECT n, v, {} AS m FROM t) AS masked ORDER BY n")
            return session.execute(query.format(masked)).fetchall()

    yield run


def _form(rule: str) -> dict[str, Any]:
    name, _, value = rule.partition("=")
    return {name: {"days": int(value)} if name == "shift" else value}


@many
@given(rows)
@pytest.mark.parametrize("type_", TEXTS)
@pytest.mark.parametrize("rule", TEXT_RULES)
def test_a_text_becomes_another_the_same_for_the_same_and_null_stays(
    mask: Mask, rule: str, type_: str, given: list[str | None]
) -> None:
    found = mask(rule, type_, given)
    assert [one[0] is None for one in found] == [one[1] is None for one in found]
    assert all(len(masked) <= 64 for _, masked, _ in found if masked is not None)
    assert {kind for *_, kind in found} <= {type_.partition("(")[0]}
    again = mask(rule, type_, list(reversed(given)))
    assert dict(one[:2] for one in found) == dict(one[:2] for one in again)


@many
@given(st.lists(values, max_size=12, unique=True))
@pytest.mark.parametrize("rule", ["hash", "fake-email"])
@pytest.mark.parametrize("type_", ["text", "character varying(35)"])
def test_what_was_unique_stays_unique(mask: Mask, rule: str, type_: str, given: list[str]) -> None:
    found = mask(rule, type_, given, unique=True)
    assert len({masked for _, masked, _ in found}) == len(given)


@many
@given(st.lists(values, min_size=1, max_size=6))
def test_citext_that_is_equal_becomes_equal(mask: Mask, given: list[str]) -> None:
    same = [
        each for value in given for each in (value, value.swapcase() if value.swapcase().lower() == value else value)
    ]
    found = mask("hash", "public.citext", same)
    assert all(found[i][1] == found[i + 1][1] for i in range(0, len(found), 2))


@many
@given(st.lists(st.uuids(), max_size=10, unique=True), st.lists(st.integers(-(2**63), 2**63 - 1), unique=True))
def test_keys_are_hashed_within_their_type(mask: Mask, uuids: list[Any], numbers: list[int]) -> None:
    for type_, keys in (("uuid", uuids), ("bigint", numbers)):
        found = mask("hash", type_, keys, unique=True)
        assert {kind for *_, kind in found} <= {type_}
        assert len({masked for _, masked, _ in found}) == len(keys)
    assert all(masked >= 0 for _, masked, _ in found)


dates = st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1))


@many
@given(st.lists(st.none() | dates, max_size=10), st.integers(1, 2000))
@pytest.mark.parametrize("type_", ["date", "timestamp without time zone", "timestamp with time zone"])
def test_a_shift_moves_all_dates_alike_and_never_by_nothing(
    mask: Mask, type_: str, given: list[dt.date | None], days: int
) -> None:
    found = mask(f"shift={days}", type_, given)
    assert [one[0] is None for one in found] == [one[1] is None for one in found]
    steps = {(masked - value).days for value, masked, _ in found if value is not None}
    assert len(steps) <= 1
    assert all(1 <= abs(step) <= days for step in steps)


@many
@given(st.lists(st.none() | st.integers(0, 50), max_size=15))
@pytest.mark.parametrize("type_", ["integer", "numeric", "jsonb"])
def test_a_shuffle_gives_each_row_another_rows_value(mask: Mask, type_: str, given: list[int | None]) -> None:
    found = mask("shuffle", type_, given if type_ != "jsonb" else [None if one is None else str(one) for one in given])
    there = [one for one in found if one[0] is not None]
    assert all(masked is None for value, masked, _ in found if value is None)
    if len(there) == 1:
        assert there[0][1] is None
        assert mask("shuffle", type_, [there[0][0]] if type_ != "jsonb" else ["7"], not_null=True)[0][1] is not None
    else:
        assert Counter(map(str, (one[0] for one in there))) == Counter(map(str, (one[1] for one in there)))
    if len({str(one[0]) for one in there}) == len(there) > 1:
        assert all(value != masked for value, masked, _ in there)


@many
@given(rows)
def test_another_salt_gives_other_values(mask: Mask, given: list[str | None]) -> None:
    one, other = (mask("hash", "text", given, salt=salt) for salt in (SALT, SALT[::-1]))
    assert all(a[1] != b[1] for a, b in zip(one, other, strict=True) if a[0] is not None)


@pytest.mark.parametrize("salt", ["with space \\ and 'quotes'" * 3, "é" * 40])
def test_a_salt_comes_through_as_it_is(server_of: Server, salt: str) -> None:
    with connect(server_of, settings={masks.SALT: salt}) as session:
        assert session.execute("SELECT current_setting('socle.salt')").fetchone() == (salt,)


def test_constants_and_expressions(mask: Mask) -> None:
    assert [one[1] for one in mask("constant=it's", "text", ["a", None])] == ["it's", None]
    assert [one[1] for one in mask("sql=left(v, 1) -- first", "character varying(4)", ["abc", None])] == ["a", None]
    assert mask("constant=7", "smallint", [1])[0][1:] == (7, "smallint")


SCHEMA = """
CREATE EXTENSION citext;
CREATE DOMAIN mail AS citext CHECK (VALUE LIKE '%@%');
CREATE TABLE people (email mail PRIMARY KEY, name text NOT NULL, phone varchar(20), home text, born date, team int,
                     joined timestamptz, note text, score numeric);
CREATE TABLE letters (id int PRIMARY KEY, sender mail REFERENCES people, sent date, code varchar(16) UNIQUE);
INSERT INTO people SELECT '{canary}' || i || '@example.com', '{canary}', '{canary}' || i, '{canary}',
    date '1980-01-01' + i, i % 3, now(), '{canary}', i FROM generate_series(1, 300) i;
INSERT INTO letters SELECT i, '{canary}' || i || '@example.com', date '1980-01-01' + i, '{canary}' || left(i::text, 4)
    FROM generate_series(1, 300) i;
"""
RULES = """
tables:
  public.people:
    email: fake-email
    name: fake-name
    phone: fake-phone
    home: fake-address
    born: {shift: {days: 30, by: email}}
    team: keep
    joined: shift
    note: {constant: removed}
    score: {shuffle: {within: team}}
  public.letters:
    id: keep
    sender: fake-email
    sent: {shift: {days: 30, by: sender}}
    code: hash
"""


def test_masked_keys_still_join_and_a_persons_dates_move_together(make_live: Callable[..., Live]) -> None:
    live = make_live(SCHEMA, RULES)
    live.build(salt=SALT)
    live.branch(1)
    assert live.value("SELECT count(DISTINCT email) FROM people", "pr_1") == 300
    assert live.value("SELECT count(*) FROM letters l JOIN people p ON p.email = l.sender", "pr_1") == 300
    # born and sent were the same day for each pair, and both moved by what their person moves.
    assert (
        live.value("SELECT count(*) FROM letters l JOIN people p ON p.email = l.sender AND born = sent", "pr_1") == 300
    )
    assert live.value("SELECT count(DISTINCT code) FROM letters", "pr_1") == 300
    assert live.value("SELECT string_agg(DISTINCT note, ',') FROM people", "pr_1") == "removed"
    groups = (
        "SELECT string_agg(s::text, ',' ORDER BY team) FROM (SELECT team, sum(score) s FROM people GROUP BY team) q"
    )
    assert live.value(groups, "pr_1") == live.value(groups)
    rows = live.value(
        "SELECT string_agg(p::text, ';') || (SELECT string_agg(l::text, ';') FROM letters l) FROM people p", "pr_1"
    )
    assert CANARY not in rows


def test_the_next_snapshot_has_the_same_masked_values(make_live: Callable[..., Live]) -> None:
    live = make_live(SCHEMA, RULES)
    found = []
    for number in (1, 2):
        live.build(salt=SALT)
        live.branch(number)
        found.append(
            live.value(
                "SELECT string_agg(email || name || phone || born, ',' ORDER BY email) FROM people", f"pr_{number}"
            )
        )
    assert found[0] == found[1]


@pytest.mark.parametrize("salt", ["", "short"])
def test_without_a_salt_nothing_is_built(make_live: Callable[..., Live], salt: str) -> None:
    live = make_live(SCHEMA, RULES)
    before = live.databases()
    with pytest.raises(SaltMissingError, match="SOCLE_MASKING_SALT"):
        live.build(salt=salt)
    assert live.databases() == before


def test_ends_of_a_foreign_key_that_would_not_meet_are_refused(make_live: Callable[..., Live]) -> None:
    live = make_live(SCHEMA, RULES.replace("sender: fake-email", "sender: hash"))
    with pytest.raises(RulesError, match=r"public\.letters\.sender: refers to public\.people\.email"):
        live.build(salt=SALT)


def test_a_value_that_the_copy_refuses_is_named_without_its_row(make_live: Callable[..., Live]) -> None:
    live = make_live(SCHEMA, RULES.replace("code: hash", "code: {sql: 'left(code, 3)'}"))
    with pytest.raises(BuildFailedError) as caught:
        live.build(salt=SALT)
    assert "letters_code_key" in str(caught.value)
    assert CANARY[:3] not in str(caught.value).replace(str(live.rules_file), "")
    assert not [name for name in live.databases() if "_snapshot_v" in name and live.database in name]


def test_the_salt_is_in_no_statement(make_live: Callable[..., Live], server_of: Server) -> None:
    live = make_live(SCHEMA, RULES)
    with psycopg.connect(**live.parameters("postgres"), autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET log_statement = 'all'")
        admin.execute("SELECT pg_reload_conf()")
        log = admin.execute("SELECT pg_current_logfile()").fetchone()
        folder = admin.execute("SHOW data_directory").fetchone()
        try:
            live.build(salt=SALT)
        finally:
            admin.execute("ALTER SYSTEM RESET log_statement")
            admin.execute("SELECT pg_reload_conf()")
    assert log is not None
    assert folder is not None
    written = (Path(folder[0]) / log[0]).read_bytes()
    assert b"COPY (SELECT" in written, "the control: statements are logged"
    assert SALT.encode() not in written
