"""`bench`: the figures of docs/benchmarks.md."""

from __future__ import annotations

import subprocess
import sys

import typer

from tools import paths
from tools.errors import ToolError

MODULES = {"applications": "tests.bench", "branching": "tests.bench.branching", "base": "tests.bench.branching.base"}


def run(what: str) -> None:
    """Measure and write the section, in a process of its own: the benchmarks are no part of the tools."""
    if what not in MODULES:
        raise ToolError(f"There is no benchmark {what}; there is {', '.join(MODULES)}", "make bench")
    done = subprocess.run([sys.executable, "-m", MODULES[what]], cwd=paths.ROOT, check=False)
    raise typer.Exit(done.returncode)
