"""A small pool of connections to one database, which lets go of them soon.

The real plugin keeps no idle connection at all, because one is enough to stop somebody's DROP DATABASE, RENAME or
TEMPLATE. Connecting costs a SCRAM exchange each time, though, so this one keeps them for a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_IDLE_SECONDS = 1.0


class Pool:
    """Connections that `connect` makes, at most `limit` at once (0 or less: no limit)."""

    def __init__(self, connect: Callable[[], Connection], limit: int) -> None:
        self._connect = connect
        self._slots = threading.BoundedSemaphore(limit) if limit > 0 else None
        self._idle: list[tuple[float, Connection]] = []
        self._lock = threading.Lock()
        self._sweeper: threading.Timer | None = None

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """A connection for the block. One that an error has left unusable is not taken back."""
        if self._slots is not None:
            self._slots.acquire()
        try:
            connection = self._take() or self._connect()
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            if self._slots is not None:
                self._slots.release()

    def close_idle(self, *, older_than: float = 0.0) -> None:
        """Close the connections that have been idle for `older_than` seconds."""
        limit = time.monotonic() - older_than
        with self._lock:
            old = [connection for since, connection in self._idle if since <= limit]
            self._idle = [entry for entry in self._idle if entry[0] > limit]
        for connection in old:
            connection.close()

    def _take(self) -> Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                _, connection = self._idle.pop()
            # The server may have ended it meanwhile, with the database or with itself.
            with suppress(Exception):
                connection.execute("SELECT 1")
                return connection
            connection.close()

    def _give_back(self, connection: Connection) -> None:
        import psycopg

        if connection.closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            connection.close()
            return
        with self._lock:
            self._idle.append((time.monotonic(), connection))
            if self._sweeper is None:
                self._sweeper = threading.Timer(_IDLE_SECONDS, self._sweep)
                self._sweeper.daemon = True
                self._sweeper.start()

    def _sweep(self) -> None:
        self.close_idle(older_than=_IDLE_SECONDS / 2)
        with self._lock:
            self._sweeper = None
            if self._idle:
                self._sweeper = threading.Timer(_IDLE_SECONDS, self._sweep)
                self._sweeper.daemon = True
                self._sweeper.start()
