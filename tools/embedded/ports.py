"""Whether a port is free, who has it, and what to write to use another."""

from __future__ import annotations

import errno
import socket

import psutil

from tools.errors import ToolError

LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback addresses; a machine without IPv6 is no obstacle."""
    return all(_can_bind(family, address, port) for family, address in LOOPBACK)


def free_port(*, beside: int | None = None) -> int:
    """A free port: the next above `beside`, or any the system gives. Free now is no promise for later."""
    if beside is not None:
        for port in range(beside + 1, min(beside + 200, 65536)):
            if is_free(port):
                return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_free(port: int, *, purpose: str, setting: str) -> None:
    """Raise ToolError unless `port` is free, naming who has it and the lines that choose another port.

    `purpose` is what wants the port, `setting` where Pulumi.local.yaml holds it (`socle:server, testPort`).
    """
    if is_free(port):
        return
    raise ToolError(taken_message(port, purpose, holder(port)), taken_remedy(setting, free_port(beside=port)))


def taken_message(port: int, purpose: str, held_by: str) -> str:
    return f"Port {port}, for {purpose}, is taken by {held_by}."


def taken_remedy(setting: str, free: int) -> str:
    key, _, field = setting.partition(", ")
    return (
        f"Stop that program, or choose another port in Pulumi.local.yaml, below `{key}:`: `{field or 'port'}: {free}`."
    )


def holder(port: int) -> str:
    """Who listens on `port`, for people: name and number, as far as this user may know."""
    try:
        listeners = [c for c in psutil.net_connections(kind="tcp") if c.status == psutil.CONN_LISTEN]
    except psutil.AccessDenied:
        return _own_holder(port)
    for connection in listeners:
        if connection.laddr and connection.laddr.port == port and connection.pid:
            return _describe(connection.pid)
    return "another program"


def _own_holder(port: int) -> str:
    """macOS tells only root who holds what; a process of one's own can still be asked."""
    for process in psutil.process_iter():
        try:
            if any(c.laddr and c.laddr.port == port for c in process.net_connections(kind="tcp")):
                return _describe(process.pid)
        except psutil.Error:
            continue
    return "another program"


def _describe(pid: int) -> str:
    try:
        return f"{psutil.Process(pid).name()} (process {pid})"
    except psutil.Error:
        return f"process {pid}"


def _can_bind(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
    except OSError as error:
        return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True
