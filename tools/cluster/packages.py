"""Debian's packages that the node needs on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.cluster.images.layers import run_logged
from tools.toolchain.progress import Progress

_POLICY = Path("/usr/sbin/policy-rc.d")


def install(packages: Sequence[str]) -> None:
    """Install them; none of the services in them is started. Raises ToolError with what apt said."""
    with Progress(f"apt-get install {' '.join(packages)}", 60).shown(), _no_service_starts():
        run_logged(["apt-get", "update"], "apt", "Debian's list of packages")
        run_logged(["apt-get", "install", "--yes", "--no-install-recommends", *packages], "apt", "Debian's packages")


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian's way to say so; a machine's own policy is left as it is."""
    made = not _POLICY.exists()
    if made:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if made:
            _POLICY.unlink(missing_ok=True)
