"""A real PostgreSQL for the database tier: one throw-away server for each pytest process.

One a worker, not one for all: a server is there 0.8 s after it is asked for, and roles, checkpoints and template
databases belong to a whole server, so workers that shared one would wait for and trip over each other.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from psycopg import sql

from stacks.embedded import EmbeddedServer
from tests.database.own_server import own_server
from tools.embedded import postgres

Connection = psycopg.Connection
Login = Callable[..., Connection]

PG_MAJOR = int(os.environ.get("SOCLE_TEST_PG_MAJOR", "18"))
"""`make test-all` runs the tier on 15, 16 and 17 as well."""


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A server of its own home and port, with durability off; deleted at the end, data and all."""
    with own_server(PG_MAJOR) as spec:
        yield postgres.start(spec)


@pytest.fixture(scope="session")
def server_major() -> int:
    """The PostgreSQL major that this run tests."""
    return PG_MAJOR


@pytest.fixture
def admin(server: EmbeddedServer) -> Iterator[Connection]:
    """The administrator in database `postgres`, each statement committed at once."""
    with postgres.connect(server) as connection:
        yield connection


@pytest.fixture
def login(server: EmbeddedServer) -> Iterator[Login]:
    """`login(role, password, dbname)`: an autocommit connection as any role, with `verify-full`; closed after the test.

    Keyword arguments go to psycopg.connect and may override anything.
    """
    with ExitStack() as opened:

        def connect(role: str, password: str, dbname: str, **options: object) -> Connection:
            parameters: dict[str, object] = {
                "host": server.host,
                "port": server.port,
                "user": role,
                "password": password,
                "dbname": dbname,
                "sslmode": "verify-full",
                "sslrootcert": server.ca_file,
                "connect_timeout": 10,
                "autocommit": True,
            }
            connection: Connection = psycopg.connect(**(parameters | options))  # type: ignore[arg-type]
            opened.callback(connection.close)
            return connection

        yield connect


@pytest.fixture
def database(admin: Connection, request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """`database(owner=None, template=None)`: the name of a new database, unique, dropped after the test."""
    made: list[str] = []
    stem = re.sub(r"[^a-z0-9]+", "_", request.node.name.lower()).strip("_")[:30]

    def create(*, owner: str | None = None, template: str | None = None) -> str:
        name = f"t_{stem}_{uuid.uuid4().hex[:8]}"
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if owner:
            statement += sql.SQL(" OWNER {}").format(sql.Identifier(owner))
        if template:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        admin.execute(statement)
        made.append(name)
        return name

    yield create
    for name in reversed(made):
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
