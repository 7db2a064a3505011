"""What the branching tests share: a live application to copy, with one of everything that a copy must mind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from branching import branch, inventory, names, snapshot, target
from branching.connection import Server, connect
from tools.embedded import account

BRANCHER = "socle_brancher"
BRANCHER_PASSWORD = "brancher-secret"
CANARY = "CANARY-7f3a91"
"""Stands in columns that are masked, and must not be found in a copy."""

RULES = """
tables:
  public.communes:
    code: keep
    name: keep
    phone: "null"
  public.people:
    id: keep
    email:
    notes: "null"
    mood: keep
    commune: keep
  public.visits:
    day: keep
    visitor: "null"
    number: keep
  "public.Odd Name":
    Key: keep
    "select": "null"
"""

SCHEMA = """
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE communes (code text PRIMARY KEY, name text NOT NULL, phone text,
                       label text GENERATED ALWAYS AS (code || ' ' || name) STORED);
CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email citext UNIQUE, notes jsonb,
                     mood mood NOT NULL DEFAULT 'calm', commune text REFERENCES communes);
CREATE TABLE visits (day date NOT NULL, visitor text, number int) PARTITION BY RANGE (day);
CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE visits_rest PARTITION OF visits DEFAULT;
CREATE TABLE "Odd Name" ("Key" int PRIMARY KEY, "select" text);
CREATE SEQUENCE tickets START 500;
CREATE INDEX ON people (mood);
CREATE MATERIALIZED VIEW per_mood AS SELECT mood, count(*) AS n, count(email) AS emails FROM people GROUP BY mood;
CREATE MATERIALIZED VIEW total AS SELECT sum(n) AS n FROM per_mood;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$;
INSERT INTO communes SELECT i::text, 'name ' || i, '{canary}' || i FROM generate_series(1, 3000) i;
INSERT INTO people (email, notes, commune)
    SELECT '{canary}' || i || '@example.org', jsonb_build_object('x', '{canary}'), (i % 3000 + 1)::text
    FROM generate_series(1, 5000) i;
INSERT INTO visits SELECT date '2025-06-01' + i, '{canary}', i FROM generate_series(1, 400) i;
INSERT INTO "Odd Name" VALUES (1, '{canary}');
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON communes FOR EACH ROW EXECUTE FUNCTION touch();
SELECT nextval('tickets'), nextval('tickets');
REFRESH MATERIALIZED VIEW per_mood; REFRESH MATERIALIZED VIEW total;
"""


@dataclass(frozen=True, kw_only=True)
class Live:
    """An application's live database on the test's server, and how to copy it."""

    server: Server
    bot: Server
    database: str
    application: str
    rules_file: Path
    pg_dump: str

    @property
    def owner(self) -> str:
        return f"{self.database}_owner"

    def request(self, **changes: Any) -> snapshot.SnapshotRequest:
        values: dict[str, Any] = {
            "server": self.server,
            "application": self.application,
            "database": self.database,
            "rules_file": self.rules_file,
            "pg_dump": self.pg_dump,
            "brancher": BRANCHER,
            "probe": False,
        }
        return snapshot.SnapshotRequest(**(values | changes))

    def build(self, **changes: Any) -> snapshot.SnapshotReport:
        return snapshot.build(self.request(**changes))

    def branch_request(self, number: int, **changes: Any) -> branch.BranchRequest:
        values: dict[str, Any] = {
            "name": f"pr_{number}",
            "application": self.application,
            "database": self.database,
            "pull_request": number,
            "password": f"secret-{number}",
        }
        return branch.BranchRequest(**(values | changes))

    def branch(self, number: int, **changes: Any) -> branch.BranchInfo:
        return branch.create(self.bot, self.branch_request(number, **changes))

    def execute(self, statement: str, database: str = "") -> None:
        """As the administrator, in the live database unless told."""
        with psycopg.connect(**self.parameters(database or self.database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def value(self, query: str, database: str = "") -> Any:
        with psycopg.connect(**self.parameters(database or self.database), autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
            return row[0] if row else None

    def parameters(self, database: str, role: str = "", password: str = "") -> dict[str, Any]:
        return {
            "host": self.server.host,
            "port": self.server.port,
            "user": role or self.server.user,
            "password": password or self.server.password,
            "dbname": database,
            "sslmode": self.server.sslmode,
            "sslrootcert": self.server.sslrootcert,
        }

    def log_in(self, role: str, password: str, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(**self.parameters(database, role, password), autocommit=True)

    def found(self) -> inventory.Inventory:
        with connect(self.server) as connection:
            return inventory.survey(connection)

    def databases(self) -> set[str]:
        with connect(self.server) as connection:
            return {str(row[0]) for row in connection.execute("SELECT datname FROM pg_database").fetchall()}


def create_live(live: Live, schema: str) -> None:
    with connect(live.server) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (BRANCHER,)).fetchone():
            connection.execute(
                f"CREATE ROLE {BRANCHER} LOGIN CREATEDB CREATEROLE PASSWORD '{BRANCHER_PASSWORD}'".encode()
            )
            connection.execute(f"GRANT CONNECT ON DATABASE postgres TO {BRANCHER}".encode())
        for statement in (
            f"CREATE ROLE {live.owner} NOLOGIN",
            f"CREATE ROLE {live.database} LOGIN PASSWORD 'app'",
            f"CREATE DATABASE {live.database} OWNER {live.owner}",
            f"GRANT CONNECT ON DATABASE {live.database} TO {live.database}",
            f"REVOKE ALL ON DATABASE {live.database} FROM PUBLIC",
        ):
            connection.execute(statement.encode())
    live.execute(f"SET ROLE {live.owner}; {schema.replace('{canary}', CANARY)}")


def drop_snapshots(live: Live) -> None:
    """All branches, warm copies and snapshots."""
    found = live.found()
    with connect(live.server) as connection:
        for one in found.branches:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(one.name)))
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(one.name)))
        for one in (*found.of_source(live.database), *found.warm):
            target.drop(connection, one.name)


@contextmanager
def tablespace(live: Live, folder: Path) -> Iterator[str]:
    """A tablespace in a new folder; nothing of `live`'s copies is in it when it goes."""
    folder.mkdir(parents=True)
    account.server_account().own(folder)
    live.execute(f"CREATE TABLESPACE previews LOCATION '{folder}'", "postgres")
    try:
        yield "previews"
    finally:
        drop_snapshots(live)
        live.execute("DROP TABLESPACE previews", "postgres")
        folder.rmdir()


def destroy_live(live: Live) -> None:
    drop_snapshots(live)
    with connect(live.server) as connection:
        for statement in (
            f"DROP DATABASE IF EXISTS {live.database} WITH (FORCE)",
            f"DROP ROLE IF EXISTS {live.database}",
            f"DROP ROLE IF EXISTS {live.owner}",
            f"DROP ROLE IF EXISTS {names.branch_owner(live.database)}",
        ):
            connection.execute(statement.encode())


def oid_of(live: Live, database: str) -> int:
    """The number of the folder that has the database's files."""
    return int(live.value(f"SELECT oid FROM pg_database WHERE datname = '{database}'"))


def written_wal(live: Live, folder: Path, start: str, end: str) -> bytes:
    """The WAL between two positions; what lies behind `end` in a segment is left from its former use."""
    size = int(live.value("SELECT setting FROM pg_settings WHERE name = 'wal_segment_size'"))
    first, last = (int(live.value(f"SELECT '{lsn}'::pg_lsn - '0/0'::pg_lsn")) for lsn in (start, end))
    names = [
        live.value(f"SELECT pg_walfile_name('0/0'::pg_lsn + {at * size + 1})")
        for at in range(first // size, last // size + 1)
    ]
    content = b"".join((folder / name).read_bytes() for name in names)
    return content[first % size : first % size + last - first]


def files_with_canary(folder: Path) -> list[str]:
    """The files of a database that hold the canary."""
    return [path.name for path in folder.iterdir() if path.is_file() and CANARY.encode() in path.read_bytes()]
