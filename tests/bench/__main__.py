"""Measure everything, draw the growth, write docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime

import matplotlib as mpl
import psutil
from rich.console import Console

from tests.bench import scenarios, section
from tests.bench.measure import Measured
from tests.bench.scenarios import Run
from tools import paths, toolchain

mpl.use("Agg")
from matplotlib import pyplot

console = Console(stderr=True, highlight=False)
PICTURE = paths.ROOT / "docs" / "benchmarks-applications.png"
SIZES = (10, 50, 200)
RESOURCES_UP_TO = 50
"""Beyond it `management: resources` takes minutes, and the page says to choose the other."""
MANAGEMENT = ("resources", "plan")
PROGRAMS = ("the obvious program", "Socle, management: resources", "Socle, management: plan")


def main() -> int:
    """Measure, and write the page."""
    empty = _step("an empty program", scenarios.empty)
    five = {
        name: _step(f"make up, five applications, {name}", lambda name=name: scenarios.whole(name))
        for name in MANAGEMENT
    }
    table: dict[str, dict[int, Run]] = {name: {} for name in PROGRAMS}
    for size in SIZES:
        table[PROGRAMS[0]][size] = _step(f"obvious, {size}", lambda size=size: scenarios.obvious(size))
        table[PROGRAMS[2]][size] = _step(f"plan, {size}", lambda size=size: scenarios.socle(size, "plan"))
        if size <= RESOURCES_UP_TO:
            table[PROGRAMS[1]][size] = _step(f"resources, {size}", lambda size=size: scenarios.socle(size, "resources"))
    _draw(table)
    section.write("applications", _page(empty, five, table))
    console.print("[green]✓[/] docs/benchmarks.md")
    return 0


def _step(name: str, work):  # type: ignore[no-untyped-def]  # one generic line, three kinds of result
    with console.status(name):
        done = work()
    console.print(f"{name}: done")
    return done


def _page(empty: Run, five: dict[str, tuple[Measured, Run]], table: dict[str, dict[int, Run]]) -> str:
    obvious, plan = table[PROGRAMS[0]], table[PROGRAMS[2]]
    largest, middle = SIZES[-1], SIZES[-2]
    faster = obvious[largest].first.seconds / plan[largest].first.seconds
    growth = plan[largest].first.seconds / plan[middle].first.seconds
    return f"""## Environments

Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}; every figure is from that one run. {_machine()}

### A small environment

{_small(empty, five)}

`make up` starts from no server and no state, with the toolchain warm; `pulumi up` without a change is the median of
three, and its ratio is to an empty Pulumi program's in the same run (target: 1.3 or less).

### Many applications at once

![seconds of `pulumi up` by number of applications]({PICTURE.name})

{_rows(table)}

At {largest} applications `management: plan` is {faster:.1f} times as fast as the obvious program (target: 3;
{_reached(faster >= 3)}). From {middle} to {largest} applications, {largest // middle} times as many, its time grows
{growth:.1f} times (target: no faster than linear; {_reached(growth <= largest / middle)}).

`management: resources` is not measured beyond {RESOURCES_UP_TO} applications: that is where to choose `plan`.

What costs: the engine writes the whole state to the file backend twice for each resource it makes, three times for a
component, so the time grows with the square of the number of resources, and the resources an application decide.
Connections and statements are a small part. `management: resources` makes 17 resources an application with
pulumi-postgresql, `management: plan` makes three with the same plan, names and rights. Neither skips a checkpoint.

The obvious program is [tests/bench/obvious.py](../tests/bench/obvious.py): two roles, a database, two grants, two
default privileges an application, PUBLIC not revoked. It runs with the same plugin as Socle's.
"""


def _small(empty: Run, five: dict[str, tuple[Measured, Run]]) -> str:
    lines = ["| program | resources | `make up`, s | no change, s | ratio |", "|---|---|---|---|---|"]
    lines.append(f"| empty | 0 | | {empty.again.seconds:.1f} | 1 |")
    for management, (up, run) in five.items():
        ratio = run.again.seconds / empty.again.seconds
        lines.append(
            f"| five applications, `management: {management}` | {run.resources} | {up.seconds:.1f} "
            f"| {run.again.seconds:.1f} | {ratio:.2f} ({_reached(ratio <= 1.3)}) |"
        )
    return "\n".join(lines)


def _rows(table: dict[str, dict[int, Run]]) -> str:
    lines = [
        "| program | applications | resources | up, s | no change, s | engine, MiB | program, MiB | plugins, MiB |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    for name, runs in table.items():
        for size, run in runs.items():
            peaks = [run.first.peak.get(part, 0) / 2**20 for part in ("engine", "program", "plugins")]
            memory = " | ".join(f"{peak:.0f}" for peak in peaks)
            timing = f"{run.first.seconds:.1f} | {run.again.seconds:.1f}"
            lines.append(f"| {name} | {size} | {run.resources} | {timing} | {memory} |")
    return "\n".join(lines) + "\n\nMemory is the peak of resident memory during the first `up`."


def _draw(table: dict[str, dict[int, Run]]) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for name, runs in table.items():
        axes.plot(list(runs), [run.first.seconds for run in runs.values()], marker="o", label=name)
    axes.set(xlabel="applications", ylabel="seconds of the first up", xlim=(0, None), ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


def _reached(reached: bool) -> str:
    return "reached" if reached else "missed"


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    ready = toolchain.ensure()
    standin = " with Socle's stand-in for the postgresql plugin" if ready.standins else ""
    return (
        f"Machine: {os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, {platform.system()}; "
        f"Python {platform.python_version()}, embedded PostgreSQL 18, Pulumi's CLI from {ready.source}{standin}."
    )


if __name__ == "__main__":
    sys.exit(main())
