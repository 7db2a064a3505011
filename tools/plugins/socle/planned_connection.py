"""How `PlannedDatabase` talks to a server: few round trips, no password in clear text, another try where it helps."""

from __future__ import annotations

import hashlib
import hmac
import random
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import errors

from tools.plugins.resource import PluginError
from tools.plugins.values import Properties

Connection = psycopg.Connection[tuple[Any, ...]]
Result = TypeVar("Result")

_TRIES = 8
_FIRST_PAUSE_SECONDS = 0.05
_OPTIONS = "-c search_path=pg_catalog -c statement_timeout=0 -c lock_timeout=60s"
"""Whatever an application has defined in its database must not stand for what a query means."""
_PROVING = "scram-sha-256,md5"
"""Ways to log in that prove a password: a server that lets everybody in proves nothing."""


@contextmanager
def connected(inputs: Properties, database: str = "") -> Iterator[Connection]:
    """A session of the administrator's, each `run` a transaction of its own. Raises PluginError."""
    login = {"user": inputs["user"], "password": inputs["adminPassword"], "dbname": database or inputs["maintenance"]}
    try:
        connection = _connect(inputs, **login, options=_OPTIONS)
    except psycopg.OperationalError as error:
        raise PluginError(f"{inputs['host']}:{inputs['port']} can't be logged in to: {_first_line(error)}") from None
    try:
        yield connection
    finally:
        connection.close()


def again(work: Callable[[], Result]) -> Result:
    """Do `work`, and do it again where another session was in the way. Raises PluginError with PostgreSQL's words."""
    for number in range(1, _TRIES + 1):
        try:
            return work()
        except psycopg.Error as error:
            if number == _TRIES or not _passes(error):
                raise PluginError(_first_line(error)) from None
            # Not at the same moment as the one that was in the way.
            time.sleep(_FIRST_PAUSE_SECONDS * 2**number * random.uniform(0.5, 1))  # noqa: S311
    raise AssertionError


def run(connection: Connection, statements: Sequence[str]) -> None:
    """Run all of `statements` in one transaction and one round trip."""
    if not statements:
        return
    try:
        connection.execute(";\n".join(("BEGIN", *statements, "COMMIT")).encode())
    except psycopg.Error:
        connection.rollback()
        raise


def ask(connection: Connection, query: str, parameters: Properties) -> Any:
    """The one value that `query` answers."""
    row = connection.execute(query.encode(), parameters).fetchone()
    return row[0] if row else None


def verifier(connection: Connection, role: str, password: str) -> str:
    """What the server checks the password against; from it nobody can log in."""
    made = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return made.decode()


def fits(verifier: str | None, password: str) -> bool:
    """Whether `password` is the one that a SCRAM verifier was made of (RFC 5803)."""
    try:
        scheme, parameters, keys = (verifier or "").split("$")
        iterations, salt = parameters.split(":")
        stored_key = b64decode(keys.split(":")[0])
    except ValueError:
        return False
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b64decode(salt), int(iterations))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return scheme == "SCRAM-SHA-256" and hmac.compare_digest(hashlib.sha256(client_key).digest(), stored_key)


def opens(inputs: Properties, database: str, role: str, password: str) -> bool:
    """Whether the server takes `password` for `role`'s, asked by logging in."""
    try:
        _connect(inputs, user=role, password=password, dbname=database, require_auth=_PROVING).close()
    except psycopg.OperationalError as error:
        # Refused later, when the password had been taken: without the right to connect, or with too many sessions.
        return any(words in str(error) for words in ("permission denied for database", "too many connections for role"))
    return True


def _connect(inputs: Properties, **login: str) -> Connection:
    connection: Connection = psycopg.connect(
        host=inputs["host"],
        port=inputs["port"],
        sslmode=inputs["sslmode"],
        sslrootcert=inputs.get("caFile") or None,
        application_name="socle",
        connect_timeout=15,
        autocommit=True,
        **login,  # type: ignore[arg-type]
    )
    return connection


def _passes(error: psycopg.Error) -> bool:
    busy = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable, errors.ObjectInUse)
    return isinstance(error, busy) or "concurrently" in str(error)


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].removeprefix("ERROR:").strip()
