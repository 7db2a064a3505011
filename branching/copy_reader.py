"""Reads what a COPY sends, many rows at a time.

psycopg's own reader makes a step of its event loop for each row, which costs as much as the server takes to send it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import pq, sql
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.waiting import Wait

from branching.connection import Connection

BINARY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Signature, no flags, no extension (PostgreSQL's documentation, COPY, "File Formats")."""
BINARY_TRAILER = b"\xff\xff"


class CopyReader:
    """The rows of one COPY … TO STDOUT, without a binary one's header and trailer. Iterate it to its end, then ask for
    `rows`."""

    def __init__(self, connection: Connection, size: int, *, binary: bool) -> None:
        self._connection = connection
        self._size = size
        self._binary = binary
        self._begun = False
        self.rows = 0
        self.finished = False

    def __iter__(self) -> Iterator[bytes]:
        """Chunks of whole rows, of `size` bytes or a little more; the last one may be smaller, or empty.

        Raises:
            psycopg.Error: the server ended the COPY, or the session broke.
        """
        while not self.finished:
            yield self._connection.wait(self._chunk())

    def _chunk(self) -> PQGen[bytes]:
        session = self._connection.pgconn
        buffer = bytearray()
        while len(buffer) < self._size:
            size, row = session.get_copy_data(1)
            if size > 0:
                buffer += row
            elif size == 0:
                yield Wait.R
                session.consume_input()
            else:
                self._finish()
                break
        return self._rows_of(buffer)

    def _rows_of(self, buffer: bytearray) -> bytes:
        if not self._binary:
            return bytes(buffer)
        if not self._begun and buffer:
            self._begun = True
            del buffer[: len(BINARY_HEADER)]
        # The trailer comes last, in a message of its own or behind the header.
        if self.finished:
            del buffer[-len(BINARY_TRAILER) :]
        return bytes(buffer)

    def _finish(self) -> None:
        self.finished = True
        done = self._connection.pgconn.get_result()
        while self._connection.pgconn.get_result() is not None:
            pass
        if done is None or done.status != pq.ExecStatus.COMMAND_OK:
            raise error_from_result(done) if done else psycopg.OperationalError("the COPY ended without a result")
        self.rows = done.command_tuples or 0


@contextmanager
def copy_to(connection: Connection, statement: sql.Composable, size: int, *, binary: bool) -> Iterator[CopyReader]:
    """Run `statement`, a COPY … TO STDOUT, in a transaction that is open; what is left of it in the end is cancelled.

    Raises:
        psycopg.Error: the server refuses it.
    """
    session = connection.pgconn
    session.send_query(statement.as_bytes(connection))
    begun = connection.wait(_result(session))
    reader = CopyReader(connection, size, binary=binary)
    if begun.status != pq.ExecStatus.COPY_OUT:
        raise error_from_result(begun)
    try:
        yield reader
    finally:
        if not reader.finished:
            _cancel(connection, reader)


def _result(session: pq.abc.PGconn) -> PQGen[pq.abc.PGresult]:
    while session.is_busy():
        yield Wait.R
        session.consume_input()
    result = session.get_result()
    if result is None:
        raise psycopg.OperationalError("the server answered nothing")
    return result


def _cancel(connection: Connection, reader: CopyReader) -> None:
    try:
        connection.cancel_safe(timeout=5)
        for _ in reader:
            pass
    except psycopg.Error:
        return  # that it was cancelled, or that the session is gone
