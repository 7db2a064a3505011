"""docs/settings.md says what the models say: every key, its type, its default, and a meaning for each."""

from __future__ import annotations

import inspect
import re

from stacks import base
from tools.commands import docs

DOCUMENT = docs.DOCUMENT.read_text(encoding="utf-8")


def test_the_tables_are_up_to_date() -> None:
    assert docs.render(DOCUMENT) == DOCUMENT, "make docs"


def test_every_key_has_a_meaning() -> None:
    unexplained = [row for row in DOCUMENT.splitlines() if row.endswith(f"| {docs.UNKNOWN} |")]
    assert not unexplained, "write what they mean in docs/settings.md"


def test_every_model_has_a_table() -> None:
    models = {
        name
        for module in docs.MODULES
        for name, one in inspect.getmembers(module, inspect.isclass)
        if one.__module__ == module.__name__ and issubclass(one, base.Model)
    }
    tables = set(re.findall(r"<!-- model: (\w+) -->", DOCUMENT))
    assert tables == models - {
        "Model",
        "PullRequestSettings",  # one key, `pullRequest`, with a table of its own
    }


def test_a_new_key_waits_for_its_meaning_and_a_removed_one_goes() -> None:
    before = (
        "<!-- model: PullRequests -->\n| key | type | default | meaning |\n| `gone` | text | – | Old. |\n\nAfter.\n"
    )
    after = docs.render(before)
    assert "gone" not in after
    assert "| `timeToLive` | days | `14d` | … |\n| `idleTime` | days | – | … |\n" in after
    assert "\n\nAfter." in after
