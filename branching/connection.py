"""How to reach a server: for psycopg, and for PostgreSQL's own programs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import LiteralString

import psycopg
from psycopg import sql

from branching.errors import ServerRefusedError

Connection = psycopg.Connection[tuple[object, ...]]

SUPPORTED = (15, 18)
"""The first and the last major version that the tests run on."""

_PREAMBLE: tuple[tuple[LiteralString, str], ...] = (
    # Timeouts are for applications; a build is bounded by what it copies.
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    # Nothing that an application created may shadow a function that an administrator calls.
    ("search_path", ""),
    # Values are written as text by one database and read by another, whose own settings may differ.
    ("datestyle", "ISO, YMD"),
    ("intervalstyle", "postgres"),
    ("timezone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("lc_monetary", "C"),
    ("xmloption", "content"),
    ("standard_conforming_strings", "on"),
    # A row that a policy hides must be an error, never a row that is silently missing.
    ("row_security", "off"),
    ("default_transaction_read_only", "off"),
)


@dataclass(frozen=True, kw_only=True)
class Server:
    """One PostgreSQL server, and the role that logs in."""

    host: str
    """A host name, or the absolute path of a Unix socket's directory."""
    port: int = 5432
    user: str = "postgres"
    password: str = field(default="", repr=False)
    """In clear; empty lets libpq look in PGPASSFILE."""
    sslmode: str = "verify-full"
    """libpq's word; it has no meaning on a Unix socket."""
    sslrootcert: str = ""
    """Absolute path of the authority's certificate, or `system`; empty is libpq's default."""
    maintenance_db: str = "postgres"
    """The database to be in while others are created and dropped."""
    dump_host: str = ""
    """Where pg_dump and pg_restore connect instead of `host`: a Unix socket's directory, for builds without TLS."""


BULK: Mapping[str, str] = {"synchronous_commit": "off", "backend_flush_after": "512kB"}
"""Settings of a session that writes much: it waits for no disk, since nothing of a build is of worth before it is
published; and the kernel writes as it goes, not all at once, which everybody's commits would wait for."""


def connect(
    server: Server, database: str = "", *, autocommit: bool = True, settings: Mapping[str, str] | None = None
) -> Connection:
    """A session in `database` (the maintenance database where empty), without timeouts and with fixed formats.

    `settings` are what the session begins with, and no statement's text.

    Raises:
        psycopg.OperationalError: the server refuses or isn't there.
        ServerRefusedError: its version isn't among the supported.
    """
    connection: Connection = psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password or None,
        dbname=database or server.maintenance_db,
        sslmode=server.sslmode,
        sslrootcert=server.sslrootcert or None,
        application_name="socle branching",
        connect_timeout=15,
        options=_options(settings or {}),
        autocommit=True,
    )
    try:
        _check_version(connection)
        connection.execute(_preamble(connection))
    except BaseException:
        connection.close()
        raise
    connection.autocommit = autocommit
    return connection


def nearest(server: Server) -> Server:
    """The same server by its Unix socket, where `dump_host` is one: rows on this machine need no TLS around them."""
    return replace(server, host=server.dump_host, sslmode="disable") if server.dump_host.startswith("/") else server


def major(connection: Connection) -> int:
    """The server's major version."""
    return connection.info.server_version // 10000


def environment(server: Server, database: str, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with libpq's variables set so that a program of PostgreSQL's reaches `database`.

    `settings` are what its sessions begin with.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    if server.password:
        kept["PGPASSWORD"] = server.password
    elif "PGPASSFILE" in os.environ:
        kept["PGPASSFILE"] = os.environ["PGPASSFILE"]
    if server.sslrootcert and not server.dump_host:
        kept["PGSSLROOTCERT"] = server.sslrootcert
    return kept | {
        "PGHOST": server.dump_host or server.host,
        "PGPORT": str(server.port),
        "PGUSER": server.user,
        "PGDATABASE": database,
        "PGSSLMODE": "disable" if server.dump_host else server.sslmode,
        "PGAPPNAME": "socle branching",
        **({"PGOPTIONS": options} if (options := _options(settings or {})) else {}),
    }


def _options(settings: Mapping[str, str]) -> str | None:
    # libpq's form: a backslash before what would end a value.
    escaped = {name: re.sub(r"([\\ ])", r"\\\1", value) for name, value in settings.items()}
    return " ".join(f"-c {name}={value}" for name, value in escaped.items()) or None


def _check_version(connection: Connection) -> None:
    first, last = SUPPORTED
    if not first <= major(connection) <= last:
        raise ServerRefusedError(
            f"{connection.info.host}:{connection.info.port} is PostgreSQL {major(connection)}; "
            f"branching works on {first} to {last}",
            f"use a server of version {first} to {last}",
        )


def _preamble(connection: Connection) -> sql.Composed:
    settings = list(_PREAMBLE)
    if major(connection) >= 17:
        settings.append(("transaction_timeout", "0"))
    calls = [
        sql.SQL("set_config({}, {}, false)").format(sql.Literal(name), sql.Literal(value)) for name, value in settings
    ]
    return sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls))
