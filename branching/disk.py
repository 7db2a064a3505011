"""Whether a copy fits, asked before it is begun."""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg

from branching.connection import Connection, Server
from branching.errors import DiskShortError

FreeBytes = Callable[[], int | None]
"""Answers the bytes that are free where the copies lie, or None where that can't be known."""

RESERVE = 512 * 1024 * 1024
"""Bytes that must stay free: WAL and everybody else's work go on while a copy is made."""


def require(predicted: int, free: int | None, what: str, reserve: int = RESERVE) -> None:
    """Refuse a copy of `predicted` bytes that would leave less than `reserve` of `free`. Pure.

    Raises:
        DiskShortError: so it would.
    """
    if free is None or free - predicted >= reserve:
        return
    raise DiskShortError(
        f"{what} needs about {_megabytes(predicted)} MB and {_megabytes(reserve)} MB of reserve; "
        f"the server's disk has {_megabytes(free)} MB free",
        "free space on the server, or drop branches and snapshots that nobody needs (python -m branching list)",
    )


def local_free_bytes(server: Server, connection: Connection, tablespace: str = "") -> int | None:
    """The free bytes where a tablespace or, without one, the data directory lies; None where the server isn't on this
    machine or won't say."""
    if not _is_local(server.host):
        return None
    location = "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = %(name)s"
    query = location if tablespace else "SELECT current_setting('data_directory')"
    try:
        row = connection.execute(query, {"name": tablespace}).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    path = Path(str(row[0])) if row else Path("/nowhere")
    # A loopback address can also be a tunnel or a container; then the path means nothing here.
    while path != path.parent:
        try:
            return shutil.disk_usage(path).free
        except PermissionError:
            path = path.parent
        except OSError:
            return None
    return None


def _is_local(host: str) -> bool:
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _megabytes(size: int) -> int:
    return size // (1024 * 1024)
