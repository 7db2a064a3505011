"""How an application reaches its documents. Pure."""

from __future__ import annotations

from urllib.parse import quote


def uri(*, host: str, port: int, user: str, password: str, database: str) -> str:
    """`MONGODB_URI`. The users of a FerretDB that Socle runs live in a database of their own, `socle_auth`."""
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"mongodb://{login}@{host}:{port}/{database}?authSource=socle_auth&authMechanism=SCRAM-SHA-256"
