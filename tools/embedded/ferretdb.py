"""MongoDB's protocol over an application's PostgreSQL database: one FerretDB process an application.

What was seen of FerretDB 1.24.2 on PostgreSQL 18, and what follows from it:

- Every query runs as the one PostgreSQL role of `postgresql_url`. MongoDB users are rows of that database
  (`admin.system_users_…`, SCRAM), unrelated to PostgreSQL's roles.
- A MongoDB database is a schema, made with `CREATE SCHEMA IF NOT EXISTS`, which PostgreSQL refuses to a role without
  CREATE on the database even where the schema exists. Data privileges are not enough. So the URL says
  `options=-c role=<app>_owner`: the owner has CREATE, owns what is made, and a branch can serve it unchanged.
- The set-up user is made only where the set-up database doesn't exist, so a changed password, and a branch of
  a database that has users already, would be ignored, and the origin's password would open the branch. So the users
  live in a database of their own, `socle_auth`, which is dropped with its users before every start.
- Whoever may read schema `admin` may read password verifiers: it is closed to all but its owner.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from filelock import FileLock

from components.mongodb.users import AUTH_DATABASE, RESET
from tools import paths
from tools.embedded import files, ports, processes
from tools.embedded.status import ServerStatus
from tools.errors import ToolError

HOST = "127.0.0.1"
START_TIMEOUT = 30
"""Seconds."""
VERSION = "1.24.2"


@dataclass(frozen=True, kw_only=True)
class FerretUnit:
    """One FerretDB process. Recorded with its passwords (0600), so that it starts again after a reboot."""

    stack: str
    app: str
    port: int
    """Where it listens, on loopback."""
    postgresql_url: str
    """libpq URL with login, `sslmode=verify-full&sslrootcert=…` and `options=-c%20role%3D<owner>`."""
    username: str
    """The MongoDB user that clients log in as."""
    password: str
    binary: str
    """Absolute path of the program."""

    @property
    def name(self) -> str:
        return f"{self.stack}-{self.app}"


def start(home: Path, unit: FerretUnit) -> None:
    """Start the process, wait until it listens, and record the unit. A no-op if it runs with the same settings.

    `username` and `password` are the only ones that work afterwards, whatever the database held. Raises ToolError if
    the database can't be reached, the role may not create schemas in it, the port is taken, or the process ends.
    """
    files_of = _Files(home, unit.name)
    with _locked(files_of):
        if read(home, unit.name) == unit and processes.is_running(files_of.pid):
            return
        processes.stop(files_of.pid)
        files.write(files_of.unit, json.dumps(asdict(unit), indent=2) + "\n", mode=0o600)
        ports.require_free(unit.port, purpose=f"{unit.app}'s documents", setting="socle:documents, port")
        _reset_users(unit)
        processes.start_detached(
            [unit.binary], pid_file=files_of.pid, log_file=files_of.log, env=environment(unit), cwd=files_of.unit.parent
        )
        _wait_until_listening(unit, files_of)


def stop(home: Path, name: str) -> bool:
    """Stop the process of unit `name` (`<stack>-<app>`); True if it ran. The unit stays recorded."""
    return processes.stop(_Files(home, name).pid)


def remove(home: Path, name: str) -> None:
    """Stop the process and forget the unit: its file, passwords and log. The documents stay in their database."""
    stop(home, name)
    files_of = _Files(home, name)
    for path in (files_of.unit, files_of.log, files_of.log.with_name(files_of.log.name + ".1"), files_of.lock):
        path.unlink(missing_ok=True)


def status(home: Path, name: str) -> ServerStatus:
    """What the process of unit `name` is doing. Raises ToolError for a unit that is not recorded."""
    unit = read(home, name)
    if unit is None:
        raise ToolError(f"There is no document server {name}.", "make up")
    process = processes.find(_Files(home, name).pid)
    return ServerStatus(
        name=f"documents {name}",
        running=process is not None,
        pid=process.pid if process else None,
        port=unit.port,
        version=VERSION,
    )


def read(home: Path, name: str) -> FerretUnit | None:
    """The recorded unit, or None."""
    path = _Files(home, name).unit
    if not path.exists():
        return None
    return FerretUnit(**json.loads(path.read_text(encoding="utf-8")))


def recorded(home: Path) -> list[str]:
    """The names of all recorded units, in order."""
    return sorted(path.stem.removeprefix("ferretdb-") for path in (home / "services").glob("ferretdb-*.json"))


def choose_port(home: Path, name: str, first: int) -> int:
    """The port for unit `name`: the one it has, or the first from `first` on that is free and no other unit's."""
    units = {other: unit for other in recorded(home) if (unit := read(home, other)) is not None}
    if name in units:
        return units[name].port
    taken = {unit.port for unit in units.values()}
    for port in range(first, 65536):
        if port not in taken and ports.is_free(port):
            return port
    raise ToolError(f"No port is free from {first} on.", "Pulumi.local.yaml, below `socle:documents:`: a lower `port`.")


def environment(unit: FerretUnit) -> dict[str, str]:
    """The process's whole environment. Pure. Passwords go here and not on the command line, which everyone can read."""
    return {
        "PATH": "/usr/bin:/bin",
        "FERRETDB_LISTEN_ADDR": f"{HOST}:{unit.port}",
        "FERRETDB_POSTGRESQL_URL": unit.postgresql_url,
        "FERRETDB_TEST_ENABLE_NEW_AUTH": "true",
        "FERRETDB_SETUP_DATABASE": AUTH_DATABASE,
        "FERRETDB_SETUP_USERNAME": unit.username,
        "FERRETDB_SETUP_PASSWORD": unit.password,
        "FERRETDB_TELEMETRY": "disable",
        "FERRETDB_DEBUG_ADDR": "-",
        "FERRETDB_STATE_DIR": "-",
        "FERRETDB_LOG_LEVEL": "WARN",
    }


class _Files:
    """Where a unit's files lie."""

    def __init__(self, home: Path, name: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise ToolError(f"{name!r} can't be a document server's name.", "Letters, digits, `-`, `_` and `.` only.")
        folder = home / "services"
        self.unit = folder / f"ferretdb-{name}.json"
        self.pid = folder / f"ferretdb-{name}.process"
        self.lock = folder / f"ferretdb-{name}.lock"
        self.log = home / "log" / f"ferretdb-{name}.log"


@contextmanager
def _locked(files_of: _Files) -> Iterator[None]:
    paths.private_dir(files_of.unit.parent)
    with FileLock(files_of.lock):
        yield


def _reset_users(unit: FerretUnit) -> None:
    """Remove the users of `socle_auth`, whoever made them: the set-up then makes this unit's, and no other stays."""
    try:
        with psycopg.connect(unit.postgresql_url, connect_timeout=10) as connection:
            connection.execute(RESET)
    except psycopg.Error as error:
        raise ToolError(
            f"The document server of {unit.app} can't prepare its database: {str(error).strip()}",
            "The role needs CREATE on the database: `make up` grants it.",
        ) from error


def _wait_until_listening(unit: FerretUnit, files_of: _Files) -> None:
    """It listens once the set-up is done, so a connection is proof enough."""
    deadline = time.monotonic() + START_TIMEOUT
    while processes.is_running(files_of.pid) and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, unit.port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    processes.stop(files_of.pid)
    words = processes.tail(files_of.log)
    raise ToolError(f"FerretDB of {unit.name} did not start:\n{words}", f"The log is {os.fspath(files_of.log)}.")
