"""The folders of this checkout's file backend, where Socle has to tidy what the engine leaves in them.

Another backend, the user's, is never touched: there is nothing of it here.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import psutil

from tools import paths


def _root() -> Path:
    return paths.home() / "state" / ".pulumi"


def forget(project: str, stack: str) -> None:
    """Remove what the engine keeps of a stack that is gone: backups, history, locks and copies of its state."""
    for kept in ("backups", "history", "locks/organization"):
        shutil.rmtree(_root() / kept / project / stack, ignore_errors=True)
    for left in (_root() / "stacks" / project).glob(f"{stack}.json.*"):
        left.unlink(missing_ok=True)


def remove_dead_locks(project: str, stack: str) -> int:
    """Remove the locks on `stack` whose process is gone; return how many.

    With the last of them goes what those processes had half written beside the state.
    """
    locks = list((_root() / "locks" / "organization" / project / stack).glob("*.json"))
    dead = [lock for lock in locks if not _alive(lock)]
    for lock in dead:
        lock.unlink(missing_ok=True)
    if dead and len(dead) == len(locks):
        for unfinished in (_root() / "stacks" / project).glob(f"{stack}.json*.tmp"):
            unfinished.unlink(missing_ok=True)
    return len(dead)


def _alive(lock: Path) -> bool:
    try:
        held = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    pid = int(held.get("pid", 0))
    try:
        # A number is used again; only a pulumi can hold a pulumi's lock.
        return psutil.pid_exists(pid) and "pulumi" in psutil.Process(pid).name()
    except psutil.Error:
        return False
