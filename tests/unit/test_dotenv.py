"""Environment files: one text, three readers."""

from __future__ import annotations

import io
import subprocess

import pytest
from dotenv import dotenv_values
from hypothesis import given, settings
from hypothesis import strategies as st

from components.secrets.dotenv import quote, render

VALUES = [
    "plain",
    "",
    "with space",
    "it's",
    "a$b",
    'say "x"',
    "back\\slash",
    "#hash",
    "postgresql://u:p@localhost:5435/d?sslmode=verify-full&sslrootcert=/a b/ca.crt",
    "`id`",
    "é€",
]


@pytest.mark.parametrize("value", VALUES)
def test_a_shell_and_python_dotenv_read_the_same_value(value: str) -> None:
    text = render({"VALUE": value}, "test")
    shell = subprocess.run(["sh", "-c", f'{text}printf %s "$VALUE"'], capture_output=True, text=True, check=True).stdout
    assert shell == value
    assert dotenv_values(stream=io.StringIO(text))["VALUE"] == value


@pytest.mark.parametrize("value", ["two\nlines", "it's $HOME", "'\"", "nul\0", "${HOME}", "end\\"])
def test_what_no_notation_carries_is_refused_by_name(value: str) -> None:
    with pytest.raises(ValueError, match="SECRET"):
        render({"SECRET": value}, "test")


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=30))
def test_any_value_is_read_back_or_refused(value: str) -> None:
    try:
        text = f"VALUE={quote(value)}\n"
    except ValueError:
        return
    assert dotenv_values(stream=io.StringIO(text))["VALUE"] == value
