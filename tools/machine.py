"""What this machine has left: disk and memory, asked before work that needs much of either. Standard library only."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tools.errors import ToolError

_GIB = 1024**3


def require_disk(where: Path, gib: float, what: str) -> None:
    """Raise ToolError unless the disk below `where` has `gib` GiB free for `what`.

    Asked only where something is about to be made: a full disk must not stand in the way of `make destroy`.
    """
    existing = next(path for path in (where, *where.resolve().parents) if path.exists())
    free = shutil.disk_usage(existing).free / _GIB
    if free < gib:
        raise ToolError(
            f"{what[0].upper()}{what[1:]} need {gib:g} GB of disk below {where}, and {free:.1f} GB are free.",
            f"free some space (df -h {existing}), or set XDG_CACHE_HOME to a folder on a larger disk",
        )


def warn_memory(gib: float, what: str) -> None:
    """Say one line when less than `gib` GiB of memory are available; a warning, since swap may carry it."""
    available = available_memory()
    if available is not None and available < gib:
        print(
            f"socle: {what} takes up to {gib:g} GB of memory and {available:.1f} GB are free: it may be slow or be "
            "killed; close other programs, or set GOMAXPROCS=1",
            file=sys.stderr,
        )


def available_memory(meminfo: Path = Path("/proc/meminfo")) -> float | None:
    """Memory that programs can still have, in GiB, or None where the system does not say."""
    try:
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 / _GIB
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GIB
    except (OSError, ValueError):
        return None
