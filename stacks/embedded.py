"""The servers that `tools/` runs on this machine, as the program knows them: by the files that describe them.

`tools/` writes a description when it starts a server; the program reads it when it composes a local stack. Neither
imports the other.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class EmbeddedServer:
    """One embedded server: where it listens and how its administrator logs in."""

    name: str
    """`main` or `test` for PostgreSQL, `cache` for Valkey."""
    host: str
    """A name that the server's certificate carries."""
    port: int
    admin: str
    """The administrator's user name."""
    admin_password_file: str
    """Absolute path of a file (0600) that holds the administrator's password and nothing else."""
    ca_file: str = ""
    """Absolute path of the certificate authority's certificate, PEM; empty where the server has no TLS."""
    socket_dir: str = ""
    """Directory of the server's Unix socket; empty where it has none."""
    version: str = ""
    """The server's full version, for people."""

    @property
    def admin_password(self) -> str:
        return Path(self.admin_password_file).read_text(encoding="utf-8").strip()


def description_file(home: Path, name: str) -> Path:
    """The file in which the server `name` describes itself."""
    return home / "servers" / name / "server.json"


def read_description(home: Path, name: str) -> EmbeddedServer | None:
    """The server's description, or None where it was never started."""
    path = description_file(home, name)
    if not path.exists():
        return None
    return EmbeddedServer(**json.loads(path.read_text(encoding="utf-8")))


def write_description(home: Path, server: EmbeddedServer) -> None:
    """Record `server`; replaced in one step, so that a reader never sees half of it."""
    path = description_file(home, server.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(server), indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
