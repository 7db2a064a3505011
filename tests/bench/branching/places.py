"""Servers on the filesystems that are compared."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from branching.connection import Server, environment
from tests import loop_device
from tests.database.branching_support import BRANCHER, BRANCHER_PASSWORD, Live, tablespace
from tools.embedded import account, postgres
from tools.embedded.binaries import postgres_binaries
from tools.embedded.layout import PostgresSpec
from tools.embedded.ports import free_port

IMAGE_BYTES = 40 * 2**30
"""Sparse: it takes what is written."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A durable server, whose data lie on one filesystem."""

    filesystem: str
    live: Live

    def program(self, name: str) -> Path:
        """One of PostgreSQL's clients."""
        return Path(self.live.pg_dump).with_name(name)

    def shell(self, command: str) -> None:
        """Run a shell command with PostgreSQL's programs on PATH, by the server's Unix socket, as its administrator."""
        variables = environment(self.live.server, self.live.database)
        variables["PATH"] = f"{self.program('pg_dump').parent}:{os.environ['PATH']}"
        subprocess.run(command, shell=True, env=variables, check=True, capture_output=True)


@contextmanager
def ordinary() -> Iterator[Place]:
    """Where servers' data lie by default."""
    with tempfile.TemporaryDirectory(prefix="socle-bench-") as folder, _server(Path(folder)) as live:
        yield Place(filesystem=_kind(Path(live.value("SHOW data_directory", "postgres"))), live=live)


@contextmanager
def sharing() -> Iterator[Place]:
    """An XFS with reflink, on a loop device."""
    with tempfile.TemporaryDirectory(prefix="socle-bench-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        at = account.place(home, "bench", account.server_account()).parent
        with loop_device.mounted("xfs", IMAGE_BYTES, Path(folder) / "xfs.img", at), _server(home) as live:
            yield Place(filesystem="XFS with reflink", live=live)


@contextmanager
def sharing_tablespace(place: Place) -> Iterator[str]:
    """A tablespace of the place's server on an XFS with reflink; empty again in the end, or it can't be dropped."""
    at = Path(place.live.value("SHOW data_directory", "postgres")).parent / "xfs"
    with (
        tempfile.TemporaryDirectory(prefix="socle-bench-") as folder,
        loop_device.mounted("xfs", IMAGE_BYTES, Path(folder) / "xfs.img", at),
        tablespace(place.live, at / "previews") as name,
    ):
        yield name


def why_not_sharing() -> str:
    """What this machine lacks for `sharing`, or nothing."""
    return loop_device.why_not("xfs")


def places() -> list[Callable[[], object]]:
    """What can be measured here."""
    return [ordinary] if why_not_sharing() else [ordinary, sharing]


@contextmanager
def _server(home: Path) -> Iterator[Live]:
    spec = PostgresSpec(name="bench", home=home, port=free_port(), durable=True)
    try:
        found = postgres.start(spec)
        admin = Server(
            host=found.host, port=found.port, user=found.admin, password=found.admin_password,
            sslrootcert=found.ca_file, dump_host=found.socket_dir,
        )  # fmt: skip
        bot = Server(
            host=found.host, port=found.port, user=BRANCHER, password=BRANCHER_PASSWORD, sslrootcert=found.ca_file
        )
        yield Live(
            server=admin, bot=bot, database="bench", application="bench", rules_file=home / "rules.yaml",
            pg_dump=str(postgres_binaries(18).pg_dump),
        )  # fmt: skip
    finally:
        postgres.destroy(spec)


def _kind(path: Path) -> str:
    done = subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True, check=True)
    return {"ext2/ext3": "ext4"}.get(done.stdout.strip(), done.stdout.strip())
