"""Environment variables as the settings write them: text with placeholders such as `{database.url}`. Pure."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping

from components.mongodb import connection as mongodb
from components.postgres import connection
from components.postgres.connection import Address
from components.redis import connection as redis

DATABASE = (
    "host", "port", "name", "user", "password", "url", "sqlalchemy_url", "asyncpg_url", "jdbc_url", "ca",
    "readonly_user", "readonly_password", "readonly_url",
)  # fmt: skip
REDIS = ("url", "host", "port", "user", "password", "prefix")
MONGODB = ("uri", "host", "port", "user", "password", "database")

PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    "database": tuple(f"database.{name}" for name in DATABASE),
    "redis": tuple(f"redis.{name}" for name in REDIS),
    "mongodb": tuple(f"mongodb.{name}" for name in MONGODB),
}
"""What a template may name, by the service that gives it."""


def used(template: str) -> list[str]:
    """The placeholders in `template`, in order. Raises ValueError where its braces don't match."""
    return [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]


def render(template: str, facts: Mapping[str, str]) -> str:
    """`template` with each placeholder replaced; `{{` and `}}` stand for braces. Raises KeyError for an unknown one."""
    pieces: list[str] = []
    for text, field, _, _ in string.Formatter().parse(template):
        pieces.append(text)
        if field is not None:
            pieces.append(facts[field])
    return "".join(pieces)


def render_all(templates: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, str]:
    """Every variable with its value."""
    return {name: render(template, facts) for name, template in templates.items()}


def services(templates: Iterable[str]) -> set[str]:
    """Which services (`database`, `redis`, `mongodb`) the templates name."""
    return {name.split(".")[0] for template in templates for name in used(template)}


def database_facts(
    address: Address, *, database: str, user: str, password: str, readonly_user: str = "", readonly_password: str = ""
) -> dict[str, str]:
    """What `{database.…}` stands for. Without a reading role, the readonly placeholders stand for the one login."""
    readonly = (readonly_user or user, readonly_password or password)
    values = {
        "host": address.host,
        "port": str(address.port),
        "name": database,
        "user": user,
        "password": password,
        "url": connection.libpq_url(address, database, user, password),
        "sqlalchemy_url": connection.libpq_url(address, database, user, password, scheme="postgresql+psycopg"),
        "asyncpg_url": connection.asyncpg_url(address, database, user, password),
        "jdbc_url": connection.jdbc_url(address, database),
        "ca": address.ca_file,
        "readonly_user": readonly[0],
        "readonly_password": readonly[1],
        "readonly_url": connection.libpq_url(address, database, *readonly),
    }
    return {f"database.{name}": values[name] for name in DATABASE}


def redis_facts(*, host: str, port: int, user: str, password: str, prefix: str, ca_file: str = "") -> dict[str, str]:
    """What `{redis.…}` stands for."""
    values = {"host": host, "port": str(port), "user": user, "password": password, "prefix": prefix}
    values["url"] = redis.url(host=host, port=port, user=user, password=password, ca_file=ca_file)
    return {f"redis.{name}": values[name] for name in REDIS}


def external_redis_facts(url: str, prefix: str) -> dict[str, str]:
    """What `{redis.url}` and `{redis.prefix}` stand for on a server that is not Socle's."""
    return {"redis.url": url, "redis.prefix": prefix}


def mongodb_facts(
    *, host: str, port: int, user: str, password: str, database: str, ca_file: str = ""
) -> dict[str, str]:
    """What `{mongodb.…}` stands for."""
    values = {"host": host, "port": str(port), "user": user, "password": password, "database": database}
    values["uri"] = mongodb.uri(host=host, port=port, user=user, password=password, database=database, ca_file=ca_file)
    return {f"mongodb.{name}": values[name] for name in MONGODB}


def external_mongodb_facts(uri: str) -> dict[str, str]:
    """What `{mongodb.uri}` stands for on a server that is not Socle's."""
    return {"mongodb.uri": uri}
