"""Measure everything, draw it, and write its section of docs/benchmarks.md."""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime

import matplotlib as mpl
from rich.console import Console

from tests.bench import section
from tests.bench.branching import places, scenarios, sweeping
from tests.bench.branching.scenarios import Times
from tests.bench.branching.sweeping import Planned
from tools import paths

mpl.use("Agg")
from matplotlib import pyplot

console = Console(stderr=True, highlight=False)
PICTURE = paths.ROOT / "docs" / "benchmarks-branching.png"
SIZES = {"pgbench": (100, 1000, 5000), "communes": (100, 1000)}
WAYS = (
    "pg_dump | psql", "pg_dump -Fd -j2 | pg_restore -j2", "snapshot", "snapshot, masked", "snapshot, hashed",
    "TEMPLATE, WAL_LOG", "TEMPLATE, FILE_COPY", "TEMPLATE, FILE_COPY, clone", "branch", "branch, warm",
)  # fmt: skip
Found = dict[tuple[str, str, int], Times]


def main() -> int:
    """Measure, and write the section. `SOCLE_BENCH_MIB` bounds the sizes, to try the command itself."""
    # Servers and loop devices are left as they were, however it ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    most = int(os.environ.get("SOCLE_BENCH_MIB", "1000000"))
    found: Found = {}
    planned: Planned | None = None
    for open_place in places.places():
        with open_place() as place:  # type: ignore[attr-defined]
            for data, sizes in SIZES.items():
                for mib in (size for size in sizes if size <= most):
                    with console.status("") as status:
                        title = f"{place.filesystem}, {data}, {mib} MiB"
                        found[place.filesystem, data, mib] = scenarios.all_of(
                            place, data, mib, lambda step, title=title: status.update(f"{title}: {step}")
                        )
                    console.print(f"{title}: {found[place.filesystem, data, mib]}")
            if planned is None:
                with console.status("") as status:
                    planned = sweeping.plan(place, lambda step: status.update(f"sweep: {step}"))
                console.print(planned)
    _draw(found)
    section.write("branching", _text(found) + (_sweep(planned) if planned else ""))
    console.print("[green]✓[/] docs/benchmarks.md")
    return 0


def _text(found: Found) -> str:
    lacking = places.why_not_sharing() and f"No filesystem that shares blocks: {places.why_not_sharing()}."
    return f"""## Branching

Written by `make bench-branching` on {datetime.now(UTC):%Y-%m-%d}; every figure is from that one run. Machine:
{section.machine()}; embedded PostgreSQL 18, durable, 128 MB of shared buffers. {lacking}

![seconds by size of the database]({PICTURE.name})

Seconds. `snapshot` is a Socle snapshot with every column kept; `masked` has one value for the text column of the large
table, `hashed` a hash of each. `branch` is a Socle branch with role and grants, ready to log in to: the median of 3.

{_table(found)}

{_targets(found)}
"""


def _table(found: Found) -> str:
    lines = ["| filesystem | data | MiB | " + " | ".join(way.replace("|", "\\|") for way in WAYS) + " |"]
    lines.append("|---" * (len(WAYS) + 3) + "|")
    for (filesystem, data, _), times in found.items():
        cells = " | ".join(f"{times[way]:.2f}" for way in WAYS)
        lines.append(f"| {filesystem} | {data} | {times['MiB']:.0f} | {cells} |")
    return "\n".join(lines)


def _targets(found: Found) -> str:
    lines = []
    for (filesystem, data, mib), times in found.items():
        if data != "pgbench":
            continue
        where, parallel = f"{filesystem}, {mib} MiB", times["pg_dump -Fd -j2 | pg_restore -j2"]
        wanted = {("ext4", 1000): 10, ("XFS with reflink", 5000): 50}.get((filesystem, mib))
        if wanted:
            faster = times["pg_dump | psql"] / times["branch"]
            verdict = f"(target: {wanted}; {section.verdict(faster >= wanted)})"
            lines.append(f"- {where}: a branch is {faster:.0f} times as fast as `pg_dump | psql` {verdict}.")
        masked, hashed = (times[f"snapshot, {how}"] / parallel for how in ("masked", "hashed"))
        lines.append(
            f"- {where}: a masked snapshot takes {masked:.2f} times as long as `pg_dump -Fd -j2 | pg_restore -j2` "
            f"(target: 1; {section.verdict(masked <= 1)}); with a hash of every row {hashed:.2f} times."
        )
    shared = [times["branch"] for (place, data, _), times in found.items() if place[:3] == "XFS" and data == "pgbench"]
    if len(shared) > 1:
        ratio = shared[-1] / shared[0]
        lines.append(
            f"- With shared blocks a branch of the largest takes {ratio:.1f} times as long as of the smallest."
        )
    warm = max(times["branch, warm"] for times in found.values())
    lines.append(f"- A warm branch takes {warm:.2f} s at the most (target: 0.2; {section.verdict(warm < 0.2)}).")
    return "\n".join(lines)


def _sweep(planned: Planned) -> str:
    return f"""
### A sweep

A plan over {planned.databases} databases, {planned.removals} of which are to go, takes {planned.seconds:.1f} s and
{planned.connections} connection(s).
"""


def _draw(found: Found) -> None:
    filesystems = list(dict.fromkeys(filesystem for filesystem, _, _ in found))
    figure, axes = pyplot.subplots(1, len(filesystems), figsize=(6 * len(filesystems), 4.5), squeeze=False, sharey=True)
    for axis, filesystem in zip(axes[0], filesystems, strict=True):
        for way in WAYS:
            points = [
                (t["MiB"], t[way]) for (place, data, _), t in found.items() if place == filesystem and data == "pgbench"
            ]
            axis.plot(*zip(*points, strict=True), marker="o", label=way, linewidth=2.5 if way == "branch" else 1)
        axis.set(title=filesystem, xscale="log", yscale="log", xlabel="MiB", ylabel="seconds")
        axis.grid(visible=True, alpha=0.3)
    axes[0][0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
