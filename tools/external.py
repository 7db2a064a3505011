"""A server that is there already: whether Socle can work on it, asked before anything is created."""

from __future__ import annotations

import json
from dataclasses import dataclass

import psycopg

from stacks.settings import ExternalServer
from tools.engine import Engine
from tools.errors import ToolError

SUPPORTED = range(15, 19)
PATH = "socle:server"


@dataclass(frozen=True, kw_only=True)
class External:
    """An external server with its administrator's password in clear, as only the engine could read it."""

    server: ExternalServer
    password: str


def reveal(server: ExternalServer, engine: Engine, stack: str) -> External:
    """The administrator's password, decrypted by the engine. Raises ToolError with the engine's words."""
    config = json.loads(engine.read("config", "--stack", stack, "--show-secrets", "--json"))
    value = config[PATH]
    found = value.get("objectValue") or json.loads(value["value"])
    return External(server=server, password=str(found["admin"]["password"]))


def require(external: External) -> None:
    """Log in as the administrator and look. Raises ToolError for a server that Socle can't use; nothing was created."""
    server = external.server
    try:
        connection = psycopg.connect(
            host=server.host, port=server.port, user=server.admin.user, password=external.password,
            dbname=server.database, sslmode=server.sslmode, sslrootcert=server.ca_file or None, connect_timeout=10,
        )  # fmt: skip
    except psycopg.OperationalError as error:
        raise ToolError(
            f"{PATH}: {server.host}:{server.port} doesn't let {server.admin.user} in: {str(error).strip()}",
            "mend host, port, admin or sslmode under socle:server",
        ) from None
    with connection:
        _require_version(connection.info.server_version)
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole AND rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    superuser, able = row or (False, False)
    if not (superuser or able):
        user = server.admin.user
        raise ToolError(
            f"{PATH}.admin.user: {user} lacks CREATEROLE or CREATEDB", f"ALTER ROLE {user} CREATEROLE CREATEDB;"
        )
    if server.superuser and not superuser:
        raise ToolError(f"{PATH}.superuser: true, but {server.admin.user} is none", "superuser: false")


def _require_version(number: int) -> None:
    if number // 10000 not in SUPPORTED:
        raise ToolError(
            f"{PATH}: the server is PostgreSQL {number // 10000}; supported are 15 to 18", "upgrade it, or name another"
        )
