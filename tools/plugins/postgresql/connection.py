"""Connections to the server: one small pool a database, transactions, and what to do when two grants collide.

psycopg is imported at the first connection: Check and Diff, which are most of the calls, need none.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from tools.plugins.postgresql.config import Config
from tools.plugins.postgresql.pool import Pool
from tools.plugins.resource import PluginError

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_Result = TypeVar("_Result")
_ATTEMPTS = 8
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0


class Server:
    """The server of one provider instance. Configured once, used by many threads."""

    def __init__(self) -> None:
        self._config: Config | None = None
        self._pools: dict[str, Pool] = {}
        self._lock = threading.Lock()

    def configure(self, config: Config) -> None:
        """Take the configuration; nothing is connected yet."""
        self._config = config

    @property
    def config(self) -> Config:
        """The configuration. Raises PluginError before there is one."""
        if self._config is None:
            raise PluginError("the postgresql provider is not configured yet")
        return self._config

    @contextmanager
    def transaction(self, database: str = "") -> Iterator[Connection]:
        """A transaction on `database` (empty: the provider's own), rolled back if the block raises."""
        with self._connection(database) as connection, connection.transaction():
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection to the provider's own database, for statements that no transaction may hold."""
        with self._connection("") as connection:
            yield connection

    def forget(self, database: str) -> None:
        """Close the idle connections to `database`: one is enough to stop a rename, a drop or a copy of it."""
        with self._lock:
            pool = self._pools.get(database)
        if pool is not None:
            pool.close_idle()

    def close(self) -> None:
        """Close every connection that is not in use."""
        with self._lock:
            pools = list(self._pools.values())
        for pool in pools:
            pool.close_idle()

    def persistently(self, operation: Callable[[], _Result]) -> _Result:
        """Run `operation`, again when it collided with another one, a bounded number of times.

        PostgreSQL refuses a second change of one catalog row ("tuple concurrently updated", pulumi-postgresql#126):
        two grants on one database at once are enough. Each attempt must be a transaction of its own.
        """
        import psycopg

        pause = _FIRST_PAUSE_SECONDS
        for _ in range(_ATTEMPTS - 1):
            try:
                return operation()
            except psycopg.Error as error:
                if not collided(error):
                    raise explained(error) from None
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311  only spreads the attempts
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        try:
            return operation()
        except psycopg.Error as error:
            raise explained(error) from None

    @contextmanager
    def _connection(self, database: str) -> Iterator[Connection]:
        name = database or self.config.database
        with self._lock:
            pool = self._pools.setdefault(name, Pool(lambda: connect(self.config, name), self.config.max_connections))
        with pool.lent() as connection:
            yield connection


def connect(config: Config, database: str) -> Connection:
    """A new connection, in autocommit. Raises PluginError when there is none to be had."""
    import psycopg

    optional: dict[str, Any] = {"sslrootcert": config.sslrootcert, "sslcert": config.sslcert, "sslkey": config.sslkey}
    try:
        return psycopg.connect(
            host=config.host,
            port=config.port,
            user=config.username,
            password=config.password,
            dbname=database,
            sslmode=config.sslmode,
            connect_timeout=config.connect_timeout,
            fallback_application_name="Socle's pulumi-resource-postgresql",
            autocommit=True,
            **{name: value for name, value in optional.items() if value},
        )
    except psycopg.OperationalError as error:
        where = f"{config.host}:{config.port}, database {database}, as {config.username}"
        raise PluginError(f"can't connect to PostgreSQL at {where} (sslmode {config.sslmode}): {error}") from None


def collided(error: psycopg.Error) -> bool:
    """Whether the same statement may well succeed when it is sent again."""
    if error.sqlstate == "40P01":
        return True
    text = error.diag.message_primary or ""
    return error.sqlstate == "XX000" and text.startswith("tuple concurrently")


def explained(error: psycopg.Error) -> PluginError:
    """What the server said, in one sentence, with its detail and hint but without the statement."""
    said = [error.diag.message_primary or str(error) or type(error).__name__]
    said += [part for part in (error.diag.message_detail, error.diag.message_hint) if part]
    code = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    return PluginError(f"PostgreSQL refused: {'; '.join(said)}{code}")
