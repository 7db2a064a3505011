"""A PostgreSQL that is there already: Socle makes its own beside what there was, and touches nothing else.

The server is an embedded one that Socle does not know of; its administrator is no superuser.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stacks.embedded import EmbeddedServer
from tests.engine import checkout
from tests.engine.checkout import Checkout
from tools.embedded import postgres
from tools.embedded.layout import PostgresSpec
from tools.embedded.ports import free_port

PASSWORD = "the-administrators-own-password"


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server with somebody else's database on it."""
    home = tmp_path_factory.mktemp("outside")
    spec = PostgresSpec(name="outside", home=Path(home), port=free_port(), major=17, durable=False)
    try:
        server = postgres.start(spec)
        with postgres.connect(server) as admin:
            admin.execute("GRANT CONNECT ON DATABASE postgres TO PUBLIC")
            admin.execute(f"CREATE ROLE dba LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'".encode())
            admin.execute(f"CREATE ROLE weak LOGIN PASSWORD '{PASSWORD}'".encode())
            admin.execute("CREATE DATABASE legacy")
        with postgres.connect(server, "legacy") as admin:
            admin.execute("CREATE TABLE theirs AS SELECT 1 AS v")
        yield server
    finally:
        postgres.destroy(spec)


@pytest.fixture(scope="module")
def external(outside: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    made = checkout.make(tmp_path_factory.mktemp("external"), "city-api")
    use(made, outside, "dba")
    try:
        yield made
    finally:
        made.destroy()


def use(made: Checkout, outside: EmbeddedServer, user: str, port: int | None = None) -> None:
    server = {
        "type": "external",
        "host": outside.host,
        "port": port or outside.port,
        "admin": {"user": user, "password": PASSWORD},
        "caFile": outside.ca_file,
    }
    made.settings(lambda config: config.update({"socle:server": server}))


def catalog(outside: EmbeddedServer) -> tuple[object, ...]:
    """What is not Socle's."""
    with postgres.connect(outside) as admin:
        databases = admin.execute(
            "SELECT datname, datacl::text, datdba FROM pg_database WHERE datname IN ('legacy', 'postgres', 'template1')"
            " ORDER BY datname"
        ).fetchall()
        roles = admin.execute(
            "SELECT * FROM pg_roles WHERE rolname IN ('dba', 'weak', 'postgres') ORDER BY 1"
        ).fetchall()
    with postgres.connect(outside, "legacy") as admin:
        rows = admin.execute("SELECT * FROM theirs").fetchall()
    return databases, roles, rows


def made_there(outside: EmbeddedServer) -> set[str]:
    with postgres.connect(outside) as admin:
        names = admin.execute("SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles").fetchall()
    known = {"legacy", "postgres", "template0", "template1", "dba", "weak"}
    return {name for (name,) in names if name not in known and not name.startswith("pg_")}


def test_an_administrator_without_createrole_is_told_and_nothing_made(
    external: Checkout, outside: EmbeddedServer
) -> None:
    use(external, outside, "weak")
    said = external.run("up", expect=1).said
    assert "weak lacks CREATEROLE or CREATEDB" in said
    assert "ALTER ROLE weak CREATEROLE CREATEDB;" in said
    assert made_there(outside) == set()
    use(external, outside, "dba")


def test_a_server_that_does_not_answer_is_told(external: Checkout, outside: EmbeddedServer) -> None:
    use(external, outside, "dba", port=free_port())
    said = external.run("up", expect=1).said
    assert "socle:server: localhost:" in said
    assert "Traceback" not in said
    use(external, outside, "dba")


def test_applications_and_pull_requests_beside_what_was_there(external: Checkout, outside: EmbeddedServer) -> None:
    before = catalog(outside)
    external.run("up")
    with psycopg.connect(external.variables("city-api")["CITY_API_DB_URL"], autocommit=True) as connection:
        assert connection.pgconn.ssl_in_use
        with connection.transaction():
            connection.execute("SET LOCAL ROLE city_api_owner")
            connection.execute("CREATE TABLE schema_migration (name text PRIMARY KEY, applied_at timestamptz)")
        connection.execute("INSERT INTO schema_migration VALUES ('001', now())")
    external.pulumi("preview", "-s", "local", "--expect-no-changes")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(
            host=outside.host, port=outside.port, user="weak", password=PASSWORD, dbname="city_api",
            sslmode="verify-full", sslrootcert=outside.ca_file,
        )  # fmt: skip
    assert catalog(outside) == before


def test_destroy_leaves_what_it_did_not_make(external: Checkout, outside: EmbeddedServer) -> None:
    before = catalog(outside)
    external.settings(lambda config: config["socle:apps"]["city-api"].update(deletionPolicy="delete"))
    external.run("up")
    with postgres.connect(outside) as admin:
        admin.execute("CREATE ROLE socle_closed_pr_7 ADMIN socle_brancher")
    external.run("destroy", "--yes")
    assert made_there(outside) == set()
    assert catalog(outside) == before
