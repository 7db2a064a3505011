"""Runs a command and measures it: seconds, and the peak memory of the engine, the program and the plugins."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run."""

    seconds: float
    peak: Mapping[str, int]
    """Bytes of resident memory at the most, by part: `engine`, `program`, `plugins`."""


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Measured:
    """Run `command` to its end. Raises CalledProcessError with what it said where it fails."""
    started = time.monotonic()
    process = subprocess.Popen(
        command, cwd=cwd, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peak: defaultdict[str, int] = defaultdict(int)
    sampler = threading.Thread(target=_sample, args=(process.pid, peak), daemon=True)
    sampler.start()
    said, _ = process.communicate()
    seconds = time.monotonic() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, said)
    return Measured(seconds=seconds, peak=dict(peak))


def _sample(pid: int, peak: defaultdict[str, int]) -> None:
    while psutil.pid_exists(pid):
        now: defaultdict[str, int] = defaultdict(int)
        try:
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        except psutil.Error:
            return
        for one in family:
            try:
                now[_part(one)] += one.memory_info().rss
            except psutil.Error:
                continue
        for part, amount in now.items():
            peak[part] = max(peak[part], amount)
        time.sleep(SAMPLE_SECONDS)


def _part(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    if "pulumi-language-python-exec" in words:
        return "program"
    if "pulumi-resource-" in words or "tools.plugins" in words:
        return "plugins"
    return "engine"
