"""A rules file proposed for a real database: from counts of a sample, without a value of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from branching.errors import RulesError
from branching.masking.explain import explain
from branching.masking.rules_file import load
from tests.database.branching_support import CANARY, Live

pytest_plugins = ["tests.database.branching_fixtures"]

SCHEMA = """
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE people (id int PRIMARY KEY, login text, country text NOT NULL, remark varchar, mood mood, "Tel." text);
INSERT INTO people SELECT i, '{canary}' || i || '@example.org', (ARRAY['FR','BE'])[1 + i % 2], '{canary}' || i, 'calm',
    '+33 6 12 34 56 ' || (10 + i % 90) FROM generate_series(1, 1500) i;
CREATE TABLE parts (day date, note text) PARTITION BY RANGE (day);
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
"""


def test_names_types_and_samples_decide_and_no_value_is_shown(make_live: Callable[..., Live]) -> None:
    live = make_live(SCHEMA, "# Ours.\ntables:\n  public.parts:\n    day: keep\n")
    found = explain(live.server, live.database, live.rules_file, live.owner)
    assert {one.column: one.rule for one in found.proposed["public.people"]} == {
        "id": "keep",
        "login": "fake-email",
        "country": "keep",
        "remark": "null",
        "mood": "keep",
        "Tel.": "fake-phone",
    }
    assert found.text.startswith("# Ours.\ntables:\n  public.parts:\n    day: keep\n    note:")
    assert "public.parts_rest" not in found.text
    assert CANARY not in found.text
    assert "Proposal" in repr(found)
    assert CANARY not in repr(found)
    with pytest.raises(RulesError):
        live.build(salt="x" * 64)
    live.rules_file.write_text(found.text)
    assert load(live.rules_file).salted
    assert live.build(salt="x" * 64).rows["public.people"] == 1500


def test_the_command_prints_a_file_or_a_document(make_live: Callable[..., Live]) -> None:
    live = make_live(SCHEMA, "tables: {}\n")
    command = [sys.executable, "-m", "branching", "--user", live.server.user, "explain", "--app", live.application,
               "--database", live.database, "--rules", str(live.rules_file)]  # fmt: skip
    variables = {
        **os.environ,
        "PGHOST": live.server.host,
        "PGPORT": str(live.server.port),
        "PGPASSWORD": live.server.password,
        "PGSSLROOTCERT": live.server.sslrootcert,
    }
    said = subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout
    live.rules_file.write_text(said)
    assert load(live.rules_file).of("public.people")["login"].rule.word == "fake-email"
    again = subprocess.run([*command, "--json"], env=variables, capture_output=True, text=True, check=True).stdout
    assert {one["reason"] for one in json.loads(again)["proposed"]["public.people"]} == {""}
    assert CANARY not in said + again
