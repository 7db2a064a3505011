"""All servers of a home, in the order in which they need each other: PostgreSQL, cache, documents; and back."""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.console import Console

from tools.embedded import ferretdb, postgres, valkey
from tools.embedded.layout import PostgresSpec
from tools.embedded.status import ServerStatus
from tools.errors import ToolError


def start_all(home: Path) -> None:
    """Start every server that was ever started in `home` and not destroyed. Raises ToolError."""
    for spec in _postgres(home):
        postgres.start(spec)
    cache = valkey.recorded(home)
    if cache is not None:
        valkey.start(cache)
    start_documents(home)


def start_documents(home: Path) -> None:
    """Start the recorded document servers.

    One that can't start is said on stderr and left: its database may be gone, and the command that would clean up
    after it must not fail for it.
    """
    for name in ferretdb.recorded(home):
        unit = ferretdb.read(home, name)
        if unit is None:
            continue
        try:
            ferretdb.start(home, unit)
        except ToolError as error:
            Console(stderr=True).print(f"{name}: {error}", style="yellow", markup=False)


def stop_all(home: Path) -> list[str]:
    """Stop every server of `home`, and return the names of those that ran. The data stay."""
    stopped = [f"documents {name}" for name in ferretdb.recorded(home) if ferretdb.stop(home, name)]
    cache = valkey.recorded(home)
    if cache is not None and valkey.stop(cache):
        stopped.append(cache.name)
    return stopped + [spec.name for spec in reversed(_postgres(home)) if postgres.stop(spec)]


def status_all(home: Path) -> list[ServerStatus]:
    """What every server of `home` is doing."""
    found = [postgres.status(spec) for spec in _postgres(home)]
    cache = valkey.recorded(home)
    if cache is not None:
        found.append(valkey.status(cache))
    return found + [ferretdb.status(home, name) for name in ferretdb.recorded(home)]


def destroy_all(home: Path) -> None:
    """Stop every server of `home` and delete their data, logs, certificates and passwords, wherever they lie."""
    for name in ferretdb.recorded(home):
        ferretdb.remove(home, name)
    cache = valkey.recorded(home)
    if cache is not None:
        valkey.destroy(cache)
    for spec in reversed(_postgres(home)):
        postgres.destroy(spec)
    for folder in ("servers", "services"):
        shutil.rmtree(home / folder, ignore_errors=True)


def _postgres(home: Path) -> list[PostgresSpec]:
    """The environment's server before the tests'."""
    names = sorted(folder.name for folder in (home / "servers").glob("*") if (folder / "spec.json").exists())
    return [spec for name in names if (spec := postgres.recorded(home, name)) is not None]
