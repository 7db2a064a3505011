"""How an application reaches its documents. Pure."""

from __future__ import annotations

from urllib.parse import quote

from components.mongodb.users import AUTH_DATABASE


def uri(*, host: str, port: int, user: str, password: str, database: str, ca_file: str = "") -> str:
    """`MONGODB_URI`; over TLS with `ca_file`. A FerretDB that Socle runs has its users in a database of their own."""
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    trust = f"&tls=true&tlsCAFile={quote(ca_file, safe='')}" if ca_file else ""
    return f"mongodb://{login}@{host}:{port}/{database}?authSource={AUTH_DATABASE}&authMechanism=SCRAM-SHA-256{trust}"
