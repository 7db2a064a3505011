"""Where Socle keeps what it generates. Standard library only: the bootstrap imports it before any package is there."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""


def home() -> Path:
    """The folder of everything this checkout generates; `SOCLE_HOME` moves it, so that tests run beside a user's."""
    return Path(os.environ.get("SOCLE_HOME") or ROOT / ".socle")


def cache() -> Path:
    """The folder of what every checkout shares: toolchain, servers' binaries, downloads."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "socle"


def private_dir(path: Path) -> Path:
    """Make `path` and return it, readable by its owner alone, since passwords and state lie below it."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


VENV = ROOT / ".socle" / "venv"
"""The project's own interpreter. It stays in the checkout whatever `SOCLE_HOME` says: it depends on the checkout's
`uv.lock` and nothing else, so tests with a home of their own share it."""
