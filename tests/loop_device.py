"""A filesystem of a chosen kind and size, on a loop device: for figures by filesystem, and for disks that run full."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAKE = {"xfs": ("mkfs.xfs", "-q", "-m", "reflink=1"), "ext4": ("mkfs.ext4", "-q", "-m", "0")}
"""By kind: the command that makes one in a file. XFS shares blocks; ext4 keeps none back for root."""
_PACKAGES = {"xfs": "xfsprogs", "ext4": "e2fsprogs"}


def why_not(kind: str) -> str:
    """What this machine lacks to mount one, with what to do; empty where it lacks nothing."""
    if os.geteuid() != 0:
        return "a loop device needs root"
    if shutil.which(MAKE[kind][0]) is None:
        return f"{MAKE[kind][0]} is not installed (apt install {_PACKAGES[kind]})"
    known = Path("/proc/filesystems").read_text(encoding="utf-8").split()
    return "" if kind in known else f"the kernel has no {kind}"


@contextmanager
def mounted(kind: str, size: int, image: Path, at: Path) -> Iterator[Path]:
    """Mount a new filesystem of `size` bytes, sparse in the file `image`, at the folder `at`; unmounted at the end."""
    with image.open("wb") as file:
        file.truncate(size)
    at.mkdir(parents=True, exist_ok=True)
    _run(*MAKE[kind], str(image))
    _run("mount", "-o", "loop", str(image), str(at))
    try:
        at.chmod(0o755)
        yield at
    finally:
        _run("umount", str(at))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
