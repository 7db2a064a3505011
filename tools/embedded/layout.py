"""What one PostgreSQL server is asked to be, and where each of its files lies."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.embedded.account import Account, place
from tools.embedded.versions import DEFAULT_MAJOR

SOCKET_PATH_LIMIT = 100
"""The system's limit is 103 bytes on macOS and 107 on Linux, for the whole path of the socket."""


@dataclass(frozen=True, kw_only=True)
class PostgresSpec:
    """A PostgreSQL server to run on this machine."""

    name: str
    """`main` or `test`; unique in a home."""
    home: Path
    """The folder of everything the checkout generates (tools.paths.home())."""
    port: int
    major: int = DEFAULT_MAJOR
    durable: bool = True
    """False: a crash of the machine may lose the data, and writing is much faster. For tests only."""
    setting: str = "socle:server, port"
    """The key of Pulumi.local.yaml and the field below it that hold this port, for messages."""

    @property
    def directory(self) -> Path:
        """What belongs to the user who runs Socle: passwords, authority, description, and links to data and logs."""
        return self.home / "servers" / self.name


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The files of one server. `where` belongs to the server's account, `directory` to the user."""

    directory: Path
    where: Path

    @classmethod
    def of(cls, spec: PostgresSpec, account: Account) -> Layout:
        return cls(directory=spec.directory, where=place(spec.home, spec.name, account))

    @property
    def data(self) -> Path:
        return self.where / "data"

    @property
    def half_made(self) -> Path:
        """Where initdb works; renamed to `data` once all is in it, so that `data` is complete by its existence."""
        return self.where / "data.partial"

    @property
    def logs(self) -> Path:
        return self.where / "log"

    @property
    def tls(self) -> Path:
        return self.where / "tls"

    @property
    def password_file(self) -> Path:
        return self.directory / "admin.password"

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def spec_file(self) -> Path:
        return self.directory / "spec.json"

    @property
    def socket_dir(self) -> Path:
        """The Unix socket's folder: below the server's, or a short one where a deep checkout's path would be cut."""
        below = self.where / "run"
        if len(str(below / ".s.PGSQL.65535").encode()) < SOCKET_PATH_LIMIT:
            return below
        digest = hashlib.sha256(str(self.where).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"socle-{digest}"
