"""Find the processes of one data directory, whatever its pid file says."""

from __future__ import annotations

from pathlib import Path

import psutil

from tools.embedded import processes


def running(data: Path) -> psutil.Process | None:
    """The postmaster that serves `data`, or None.

    After a reboot or a `kill -9` the pid file stays, and its number may be another program's by now, so the process
    is known by its working directory, which PostgreSQL makes the data directory.
    """
    pid = recorded_pid(data)
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None
    return process if _serves(process, data) else None


def recorded_pid(data: Path) -> int | None:
    """The number in postmaster.pid, or None where there is no readable one."""
    try:
        first = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
        return abs(int(first)) or None
    except (OSError, ValueError, IndexError):
        return None


def clear_stale(data: Path, socket_dir: Path) -> None:
    """Make `data`, whose postmaster is gone, startable: end its left-over children and remove its lock files.

    A child in the middle of a long query outlives a killed postmaster and keeps the shared memory, which a new one
    refuses to share. A new one also refuses a lock file, of the data or of the socket, whose number another process
    of the same user has by now, or a zombie that nobody reaps. `socket_dir` is this server's alone.
    """
    processes.end(children(data), timeout=2)
    for left in (data / "postmaster.pid", *socket_dir.glob(".s.PGSQL.*")):
        left.unlink(missing_ok=True)


def children(data: Path) -> list[psutil.Process]:
    """All PostgreSQL processes that work in `data`."""
    return [process for process in psutil.process_iter() if _serves(process, data)]


def _serves(process: psutil.Process, data: Path) -> bool:
    try:
        return process.name().startswith("postgres") and Path(process.cwd()).resolve() == data.resolve()
    except (psutil.Error, OSError):
        return False
