"""The branching tests' fixtures: a plugin (`pytest_plugins`), no conftest, so that only those tests see it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from branching.connection import Server
from stacks.embedded import EmbeddedServer
from tests.database.branching_support import (
    BRANCHER,
    BRANCHER_PASSWORD,
    RULES,
    SCHEMA,
    Live,
    create_live,
    destroy_live,
)
from tools.embedded.binaries import postgres_binaries


@pytest.fixture
def make_live(server: EmbeddedServer, server_major: int, tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """`make_live(schema, rules)`: a live application with that schema and rules; all of it goes after the test."""
    made: list[Live] = []
    admin = Server(
        host=server.host,
        port=server.port,
        user=server.admin,
        password=server.admin_password,
        sslrootcert=server.ca_file,
        dump_host=server.socket_dir,
    )
    bot = Server(
        host=server.host, port=server.port, user=BRANCHER, password=BRANCHER_PASSWORD, sslrootcert=server.ca_file
    )

    def make(schema: str = SCHEMA, rules: str = RULES) -> Live:
        database = f"live_{uuid.uuid4().hex[:8]}"
        rules_file = tmp_path / f"{database}.yaml"
        rules_file.write_text(rules)
        live = Live(
            server=admin,
            bot=bot,
            database=database,
            application=database.replace("_", "-"),
            rules_file=rules_file,
            pg_dump=str(postgres_binaries(server_major).pg_dump),
        )
        made.append(live)
        create_live(live, schema)
        return live

    yield make
    for live in made:
        destroy_live(live)


@pytest.fixture
def live(make_live: Callable[..., Live]) -> Live:
    """A live application with one of everything, and rules for it."""
    return make_live()
