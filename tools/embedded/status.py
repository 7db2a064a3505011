"""What a server on this machine is doing, in one form for all kinds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """One server, running or not."""

    name: str
    running: bool
    pid: int | None
    port: int
    version: str
    """The server's full version; empty where it was never started."""
