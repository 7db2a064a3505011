"""`test` and `format`: the tiers of the project's own tests, each with its counts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools import machine, paths, toolchain
from tools.errors import ToolError

console = Console(stderr=True, highlight=False)
SOURCES = ("components", "stacks", "branching", "tools", "tests", "__main__.py")
WORKERS = str(3 * (os.cpu_count() or 1))
"""Thrice the cores: the tests mostly wait, for servers and for the engine's own processes."""
OLDER_MAJORS = ("15", "16", "17")
MEMORY = Path("/dev/shm")  # noqa: S108 - checked to be a filesystem in memory, and a folder of our own is made in it
MEMORY_GIB, DISK_GIB = 12, 6
"""What must be free for the tests' servers to lie in memory."""


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One tier: commands that must all succeed, the last of them pytest where it counts tests."""

    name: str
    commands: Sequence[Sequence[str]]
    counted: bool = True
    plugins: Sequence[str] = ()
    """Of Pulumi's CLI, for a tier that runs the engine."""
    throw_away: bool = False
    """Whether its servers may lie in memory. Not the engine's: it runs what a user types, with a user's environment."""
    env: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[str] = ()
    """Programs of the toolchain that its tests run; they are built first where they aren't there."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a tier did."""

    tier: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    ok: bool


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


def _pytest(folder: str, *flags: str) -> tuple[str, ...]:
    return _python("pytest", f"tests/{folder}", *flags)


TIERS: dict[str, Tier] = {
    "check": Tier(
        name="check",
        counted=False,
        commands=(
            _python("ruff", "format", "--check", "--quiet", *SOURCES),
            _python("ruff", "check", "--quiet", *SOURCES),
            _python("mypy"),
            (str(Path(sys.executable).parent / "lint-imports"), "--no-cache"),
            _python("vulture"),
        ),
    ),
    "unit": Tier(name="unit", commands=(_pytest("unit"),)),
    "database": Tier(name="database", commands=(_pytest("database", "-n", WORKERS),), throw_away=True),
    "engine": Tier(
        name="engine",
        commands=(_pytest("engine", "-n", WORKERS, "--no-loadscope-reorder"),),
        plugins=toolchain.LOCAL,
    ),
}
EXTRA: dict[str, Tier] = {
    "kubernetes": Tier(name="kubernetes", commands=(_pytest("kubernetes"),), plugins=toolchain.KUBERNETES),
    "promtool": Tier(name="promtool", commands=(_pytest("promtool", "-n", WORKERS),), parts=("promtool",)),
}
"""Tiers that run by name, and with all of it: what they need takes minutes to build."""


def run(tier: str, *, everything: bool) -> int:
    """Run one tier or all; return the exit code. Raises ToolError for a tier that there isn't."""
    known = TIERS | EXTRA
    if tier and tier not in known:
        raise ToolError(f"There is no tier {tier}", "tiers: " + ", ".join(known))
    chosen = [known[tier]] if tier else list(TIERS.values())
    if everything:
        chosen += [*([] if tier else EXTRA.values()), *(_older(major) for major in OLDER_MAJORS)]
    for part in {part for one in chosen for part in one.parts}:
        toolchain.binary(part)
    environment = _environment({name for one in chosen for name in one.plugins})
    flags = () if everything else ("-m", "not long")
    with _throw_away_data() as data:
        results = [_run(one, environment | (data if one.throw_away else {}), flags) for one in chosen]
    _summary(results)
    return 0 if all(result.ok for result in results) else 1


@contextmanager
def _throw_away_data() -> Iterator[dict[str, str]]:
    """Where the tests' servers keep their data: in memory where root runs them and there is enough, which takes two
    thirds of the time. What they promise about disks is tested on filesystems of their own."""
    roomy = MEMORY.is_mount() and shutil.disk_usage(MEMORY).free > DISK_GIB * 2**30
    if os.geteuid() != 0 or not roomy or (machine.available_memory() or 0) < MEMORY_GIB:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="socle-test-", dir=MEMORY) as folder:
        Path(folder).chmod(0o711)
        yield {"SOCLE_SYSTEM_DATA": folder}


def format_code() -> int:
    """Format the code in place; return the exit code."""
    commands = (_python("ruff", "check", "--fix", "--quiet", *SOURCES), _python("ruff", "format", "--quiet", *SOURCES))
    return max(subprocess.run(command, cwd=paths.ROOT, check=False).returncode for command in commands)


def _older(major: str) -> Tier:
    return Tier(
        name=f"database {major}",
        commands=(_pytest("database", "-n", WORKERS),),
        throw_away=True,
        env={"SOCLE_TEST_PG_MAJOR": major},
    )


def _environment(plugins: Collection[str]) -> dict[str, str]:
    """A tier that runs the engine finds the toolchain ready, built now where it isn't."""
    if not plugins:
        return dict(os.environ)
    return {**os.environ, "SOCLE_TEST_PULUMI": str(toolchain.ensure(sorted(plugins)).pulumi)}


def _run(tier: Tier, environment: dict[str, str], flags: Sequence[str]) -> Result:
    console.rule(f"[bold]{tier.name}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        ok = True
        for command in tier.commands:
            counting = (f"--junit-xml={report}", *flags) if tier.counted else ()
            done = subprocess.run([*command, *counting], cwd=paths.ROOT, env={**environment, **tier.env}, check=False)
            ok = ok and done.returncode == 0
        passed, failed, skipped = _counts(report) if tier.counted else (sum([ok]), sum([not ok]), 0)
    seconds = time.monotonic() - started
    # A tier in which nothing ran has not passed.
    return Result(tier=tier.name, passed=passed, failed=failed, skipped=skipped, seconds=seconds, ok=ok and passed > 0)


def _counts(report: Path) -> tuple[int, int, int]:
    if not report.exists():
        return 0, 1, 0
    suites = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 - written by our own pytest
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    return total - failed - skipped, failed, skipped


def _summary(results: Sequence[Result]) -> None:
    table = Table(title="Tests", title_justify="left")
    for column in ("tier", "passed", "failed", "skipped", "seconds", ""):
        table.add_column(column, justify="right" if column in ("passed", "failed", "skipped", "seconds") else "left")
    for result in results:
        mark = "[green]✓[/]" if result.ok else "[red]✗[/]"
        counts = (str(result.passed), str(result.failed), str(result.skipped))
        table.add_row(result.tier, *counts, f"{result.seconds:.1f}", mark)
    console.print(table)
    passed, failed = sum(result.passed for result in results), sum(result.failed for result in results)
    # Alone on a line and in these words: what continuous integration reads.
    print(f"{passed} passed, {failed + sum(1 for r in results if not r.ok and not r.failed)} failed", flush=True)
