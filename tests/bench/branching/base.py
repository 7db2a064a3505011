"""Measure what the base notices, draw it, and write its section of docs/benchmarks.md."""

from __future__ import annotations

import os
import signal
import statistics
import sys
from datetime import UTC, datetime

import matplotlib as mpl
from rich.console import Console

from tests.bench import section
from tests.bench.branching import disturbance, places
from tests.bench.branching.disturbance import Felt
from tools import paths

mpl.use("Agg")
from matplotlib import pyplot

console = Console(stderr=True, highlight=False)
PICTURE = paths.ROOT / "docs" / "benchmarks-base.png"
MIB = 1000


def main() -> int:
    """Measure, and write the section."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with places.ordinary() as place, console.status("") as status:
        felt = disturbance.all_of(place, MIB, lambda step: status.update(f"base: {step}"))
        filesystem = place.filesystem
    console.print(felt)
    _draw(felt)
    section.write("base", _text(felt, filesystem))
    console.print("[green]✓[/] docs/benchmarks.md")
    return 0


def _text(felt: list[tuple[str, Felt]], filesystem: str) -> str:
    return f"""## What the base notices

Written by `make bench-base` on {datetime.now(UTC):%Y-%m-%d}; every figure is from that one run. Machine:
{section.machine()}; embedded PostgreSQL 18, durable, 128 MB of shared buffers, on {filesystem}.

pgbench (TPC-B, {disturbance.CLIENTS} clients, {disturbance.RATE} transactions a second) on the live database of
{MIB} MiB, and a login every {disturbance.LOGIN_EVERY_SECONDS} s, while on the same server and the same
{os.cpu_count()} cores something goes on. Before each the disk has {disturbance.SETTLE_SECONDS} s to come to rest.
Snapshots hash a column of each row; a branch is made and dropped every {disturbance.BRANCH_EVERY_SECONDS} s.

![p99 of the base by what goes on]({PICTURE.name})

{_felt(felt)}

{_undisturbed(felt)}
"""


def _felt(felt: list[tuple[str, Felt]]) -> str:
    columns = ("meanwhile", "seconds", "per second", "p50, ms", "p99, ms", "login p99, ms", "WAL, MiB", "checkpoints")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, one in felt:
        lines.append(
            f"| {name} | {one.seconds:.0f} | {one.transactions / one.seconds:.0f} | {one.p50_ms:.1f} "
            f"| {one.p99_ms:.1f} | {one.login_p99_ms:.0f} | {one.wal_mib:.0f} | {one.checkpoints} |"
        )
    return "\n".join(lines)


def _undisturbed(felt: list[tuple[str, Felt]]) -> str:
    quiet = _quiet(felt)
    lines = [f"The undisturbed p99 is {quiet:.1f} ms: the median of the times that nothing went on."]
    for name, one in felt:
        if name != disturbance.NOTHING:
            ratio = one.p99_ms / quiet
            verdict = f"(target: 1.25; {section.verdict(ratio <= 1.25)})"
            lines.append(f"- {name}: p99 is {ratio:.2f} times the undisturbed one {verdict}.")
    return "\n".join(lines)


def _quiet(felt: list[tuple[str, Felt]]) -> float:
    return statistics.median(one.p99_ms for name, one in felt if name == disturbance.NOTHING)


def _draw(felt: list[tuple[str, Felt]]) -> None:
    busy = [(name.replace("\\|", "|"), one.p99_ms) for name, one in felt if name != disturbance.NOTHING]
    figure, axis = pyplot.subplots(figsize=(8, 0.5 * len(busy) + 1))
    axis.barh([name for name, _ in busy][::-1], [p99 for _, p99 in busy][::-1])
    axis.axvline(_quiet(felt), color="black", linestyle=":", label="undisturbed")
    axis.set(xscale="log", xlabel="p99 of the base, ms")
    axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
