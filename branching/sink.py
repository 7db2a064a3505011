"""Writes tables: the rows that several sessions read go through one writer a table.

The server freezes rows as they are written only for a table's only writer, in the transaction that made the table's
file (PostgreSQL's documentation, COPY, FREEZE). Rows that aren't frozen VACUUM writes once more, with twice their WAL.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

import psycopg
from psycopg import sql

from branching.connection import Connection
from branching.copy_reader import BINARY_HEADER, BINARY_TRAILER
from branching.errors import BuildFailedError
from branching.relations import Table
from branching.units import Unit

OpenSession = Callable[[], AbstractContextManager[Connection]]


class Sink:
    """One table's COPY … FROM STDIN, that any session may write to."""

    def __init__(self, target: Connection, unit: Unit) -> None:
        self.target = target
        self._unit = unit
        self._lock = threading.Lock()
        self._transaction, self._copying = ExitStack(), ExitStack()
        self._transaction.enter_context(target.transaction())
        if unit.frozen:
            target.execute(sql.SQL("TRUNCATE ONLY {}").format(_name(unit.table)))
        self._cursor = self._transaction.enter_context(target.cursor())
        self._copy = self._copying.enter_context(self._cursor.copy(unit.copy_in()))
        if unit.binary:
            self._copy.write(BINARY_HEADER)

    def write(self, chunk: bytes) -> None:
        """Send whole rows, without a header or a trailer."""
        with self._lock:
            self._copy.write(chunk)

    def finish(self, rows: int) -> None:
        """End the COPY and commit.

        Raises:
            BuildFailedError: another number than `rows` was written.
            psycopg.Error: the server refuses a row.
        """
        if self._unit.binary:
            self._copy.write(BINARY_TRAILER)
        self._copying.close()
        written = self._cursor.rowcount
        if written != rows:
            raise BuildFailedError(f"{self._unit.table.key}: {rows} rows were read and {written} written")
        self._transaction.close()

    def abort(self) -> None:
        """Take back what was written. Nothing is said: what went wrong was told by who saw it first."""
        for stack in (self._copying, self._transaction):
            with suppress(psycopg.Error, _AbortedError):
                stack.__exit__(_AbortedError, _AbortedError(), None)
        self.target.close()


class _AbortedError(Exception):
    """Ends a COPY from within."""


class Sinks:
    """The tables that are being written, and the sessions that write. Close it when nobody writes any more.

    There are never more open tables than readers, as long as a table's units are begun one after the other and each
    reader brings a session with `add_session`.
    """

    def __init__(self, open_session: OpenSession, units: Sequence[Unit]) -> None:
        self.rows: Counter[str] = Counter({unit.table.key: 0 for unit in units})
        self._open_session = open_session
        self._left = Counter(unit.table.key for unit in units)
        self._open: dict[str, Sink] = {}
        self._idle: list[Connection] = []
        self._sessions = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> Sinks:
        return self

    def __exit__(self, *_: object) -> None:
        for sink in self._open.values():
            sink.abort()
        self._sessions.close()

    def add_session(self) -> None:
        """Open one more session to write with."""
        with self._lock:
            self._idle.append(self._sessions.enter_context(self._open_session()))

    def of(self, unit: Unit) -> Sink:
        """Where the unit's rows go."""
        with self._lock, refusals(unit.table):
            if unit.table.key not in self._open:
                self._open[unit.table.key] = Sink(self._idle.pop(), unit)
            return self._open[unit.table.key]

    def done(self, unit: Unit, rows: int) -> None:
        """The unit's rows are written; after its table's last unit the table is.

        Raises:
            BuildFailedError: the server refuses a row, named by table and constraint; or not all were written.
        """
        key = unit.table.key
        with self._lock:
            self.rows[key] += rows
            self._left[key] -= 1
            sink = None if self._left[key] else self._open[key]
        if sink is None:
            return
        with refusals(unit.table):
            sink.finish(self.rows[key])
        with self._lock:
            self._idle.append(self._open.pop(key).target)

    def fill_without_columns(self, unit: Unit, rows: int) -> None:
        """A table without a column to copy still has a number of rows."""
        with self._lock:
            target = self._idle.pop()
        statement = sql.SQL("INSERT INTO {} SELECT FROM generate_series(1, %s)").format(_name(unit.table))
        with refusals(unit.table):
            target.execute(statement, (rows,))
        with self._lock:
            self.rows[unit.table.key] += rows
            self._idle.append(target)


@contextmanager
def refusals(table: Table) -> Iterator[None]:
    """Says what the server refuses by table and constraint: its own text quotes the row.

    Raises:
        BuildFailedError: for a psycopg.Error inside.
    """
    try:
        yield
    except psycopg.Error as error:
        raise BuildFailedError(f"{table.key}: {without_values(error)}", _advice(error)) from None


def without_values(error: psycopg.Error) -> str:
    """The error by its class and the names of what refused, without the row that the server's text quotes."""
    diagnosis = error.diag
    names = (
        ("constraint", diagnosis.constraint_name),
        ("column", diagnosis.column_name),
        ("type", diagnosis.datatype_name),
    )
    where = ", ".join(f"{kind} {name}" for kind, name in names if name)
    return f"{type(error).__name__} ({error.sqlstate or 'no code'}){f' at {where}' if where else ''}"


def _advice(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.IntegrityError):
        return "a rule gives a value that this constraint refuses: choose another rule for its columns"
    if isinstance(error, psycopg.errors.DiskFull):
        return "free space on the server's disk; nothing of this snapshot is left there"
    return ""


def _name(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)
