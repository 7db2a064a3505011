"""A lock between processes that tells the second one whom it waits for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def held(lock: Path, purpose: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold `lock` while the block runs; where another process has it, `say` its pid and purpose in one line, and wait.

    The system drops the lock of a process that dies, so a stale one never blocks anybody.
    """
    from filelock import FileLock, Timeout  # imported here: a warm command takes no lock, and it costs 50 ms

    lock.parent.mkdir(parents=True, exist_ok=True)
    file_lock = FileLock(lock)
    holder = lock.with_name(lock.name + ".holder")
    try:
        file_lock.acquire(timeout=0)
    except Timeout:
        say(f"waiting for {_describe(holder)} ({lock})")
        file_lock.acquire(poll_interval=0.2)
    try:
        holder.write_text(f"process {os.getpid()}, which is {purpose}")
        yield
        holder.unlink(missing_ok=True)
    finally:
        file_lock.release()


def _describe(holder: Path) -> str:
    try:
        return holder.read_text() or "another process"
    except OSError:
        return "another process"  # it has the lock and has not yet said so
