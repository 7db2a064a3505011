"""The SQL that the runbooks have people type, on a real server of each version.

Doesn't prove that it finds the fault; only that nobody is met by a syntax error in the middle of an outage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
_LOOK = re.compile(r"^## Look\n(.*?)^## Mend$", re.MULTILINE | re.DOTALL)
_STATEMENT = re.compile(r"""\bsql (?:-d \S+ )?-(?:At)?c ("[^"]*"|'[^']*')""")


def statements() -> Iterator[tuple[str, str]]:
    """Each page's name, and a statement of its section “Look”."""
    for page in sorted(RUNBOOKS.glob("socle-*.md")):
        [look] = _LOOK.findall(page.read_text())
        for quoted in _STATEMENT.findall(look):
            yield page.stem, re.sub(r"<[\w ]+>", "postgres", quoted[1:-1])


FOUND = list(statements())


@pytest.mark.parametrize(("page", "statement"), FOUND, ids=[f"{page}-{at}" for at, (page, _) in enumerate(FOUND)])
def test_postgresql_understands_it(admin: psycopg.Connection, page: str, statement: str) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute("SET TRANSACTION READ ONLY")
        admin.execute(statement.encode())


def test_there_is_something_to_try() -> None:
    assert len(FOUND) > 20
