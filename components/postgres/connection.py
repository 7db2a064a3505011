"""Connection strings of a PostgreSQL database, in the form each kind of client reads. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a client finds a server: the same server has another address inside a container."""

    host: str
    port: int
    sslmode: str
    """libpq's word for how the server's certificate is checked."""
    ca_file: str
    """Path of the PEM certificate that signs the server's; empty for the client's own store."""


def libpq_url(address: Address, database: str, user: str, password: str, scheme: str = "postgresql") -> str:
    """For libpq and what speaks its parameters: psycopg, pgx, node-postgres, SQLAlchemy with psycopg."""
    return f"{scheme}://{_login(user, password)}@{_place(address, database)}{_tls(address)}"


def asyncpg_url(address: Address, database: str, user: str, password: str) -> str:
    """For SQLAlchemy with asyncpg, which hands `ssl` to `asyncpg.connect`; the CA comes from `PGSSLROOTCERT`."""
    return f"postgresql+asyncpg://{_login(user, password)}@{_place(address, database)}?ssl={address.sslmode}"


def jdbc_url(address: Address, database: str) -> str:
    """For pgjdbc, which takes user and password apart: https://jdbc.postgresql.org/documentation/use/."""
    return f"jdbc:postgresql://{_place(address, database)}{_tls(address)}"


def _login(user: str, password: str) -> str:
    return f"{quote(user, safe='')}:{quote(password, safe='')}"


def _place(address: Address, database: str) -> str:
    return f"{address.host}:{address.port}/{database}"


def _tls(address: Address) -> str:
    parameters = {"sslmode": address.sslmode}
    if address.ca_file:
        parameters["sslrootcert"] = address.ca_file
    return f"?{urlencode(parameters, safe='/')}"
