"""`bench`: the figures of docs/benchmarks.md."""

from __future__ import annotations

import subprocess
import sys

import typer

from tools import paths


def run() -> None:
    """Measure and write the page, in a process of its own: the benchmarks are no part of the tools."""
    done = subprocess.run([sys.executable, "-m", "tests.bench"], cwd=paths.ROOT, check=False)
    raise typer.Exit(done.returncode)
