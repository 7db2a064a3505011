"""What the command line shows to a person. Pure, but for the progress bar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console, RenderableType
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from branching import lifetime
from branching.activity import Use
from branching.branch import BranchInfo, DropReport
from branching.inventory import Branch, Inventory, seconds_since
from branching.metadata import BranchMetadata
from branching.migration_check import MigrationReport
from branching.progress import Progress, ProgressCallback, ignore
from branching.schema_diff import SchemaDiff
from branching.snapshot import SnapshotReport
from branching.sweep import SweepReport
from branching.sweep_plan import SweepPlan

Render = Callable[[], Iterable[RenderableType]]


@contextmanager
def progress(console: Console, *, quiet: bool) -> Iterator[ProgressCallback]:
    """A bar for the rows that are being copied; nothing where `quiet`."""
    if quiet:
        yield ignore
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("catalog", total=None)

        def show(step: Progress) -> None:
            bar.update(task, description=step.table or step.phase, completed=step.done, total=step.total or None)

        yield show


def snapshot_lines(report: SnapshotReport) -> list[RenderableType]:
    """A built snapshot, in a few lines."""
    made = report.metadata
    lines: list[RenderableType] = [
        f"{report.name}: {made.content}, {made.rows} rows, {size(made.bytes)}, {made.seconds:.1f} s, data of "
        f"{made.taken_at}, rules {made.rules_digest[:12]}"
    ]
    rules = ", ".join(f"{kind} {count}" for kind, count in sorted(made.rules.items(), key=lambda one: -one[1]))
    lines += [f"  columns by rule: {rules}"] if rules else []
    lines += [f"  no row could be invented for {table}" for table in report.empty]
    lines += [f"  left out: {what}" for what in made.dropped]
    lines += [f"  dropped, left by an interrupted build: {name}" for name in report.swept]
    lines += [f"  dropped, superseded: {name}" for name in report.pruned]
    return lines


def branch_lines(info: BranchInfo) -> list[RenderableType]:
    """A branch that is ready, in a few lines."""
    copied = "taken from the warm ones" if info.warm else f"made by {info.strategy.value if info.strategy else '-'}"
    how = "kept with its data" if info.kept else copied
    version = f"snapshot v{info.metadata.snapshot_version}, {age(info.snapshot_age_seconds)} old"
    return [f"{info.name}: {how} in {info.seconds:.1f} s, from {version}", *(f"  {text}" for text in info.warnings)]


def drop_lines(report: DropReport) -> list[RenderableType]:
    """What was dropped."""
    return [*(f"{name}: dropped" for name in report.dropped), *(f"{name}: was not there" for name in report.absent)]


def diff_lines(found: SchemaDiff) -> list[RenderableType]:
    """What a branch's definitions have that its base's haven't."""
    lines: list[RenderableType] = [Text(f"+ {one}", style="green") for one in found.added]
    lines += [Text(f"- {one}", style="red") for one in found.removed]
    for one, text in found.changed.items():
        lines.append(Text(f"~ {one}", style="yellow"))
        lines += [Text(f"    {line}") for line in text.splitlines()]
    return lines or ["the definitions are the same"]


def migration_lines(report: MigrationReport) -> list[RenderableType]:
    """What migrations locked and rewrote."""
    table = Table("table", "lock", "held", "statement", title="Locks on tables that were there before")
    for one in report.held[:20]:
        style = "red" if one in report.too_long else None
        table.add_row(one.table, one.mode, f"{one.seconds:.2f} s", Text(one.statement.strip()), style=style)
    lines: list[RenderableType] = [table] if report.held else ["no table that was there before was locked"]
    lines += [Text(f"rewritten: {name}") for name in report.rewritten]
    verdict = "passed" if report.passed else "failed"
    if report.exit_status:
        verdict += f": the command ended with {report.exit_status}"
    elif report.too_long:
        verdict += f": {len(report.too_long)} ACCESS EXCLUSIVE locks held for more than {report.threshold_seconds:g} s"
    return [*lines, Text(f"{verdict}, {report.seconds:.1f} s", style="green" if report.passed else "red")]


def sweep_lines(planned: SweepPlan, report: SweepReport | None) -> list[RenderableType]:
    """A sweep's plan, or what it did."""
    removals = planned.removals if report is None else report.removed
    title = "A plan: nothing was removed" if report is None else "Removed"
    table = Table("what", "name", "why", title=title)
    for one in removals:
        table.add_row(one.kind.value, one.name, one.reason)
    lines: list[RenderableType] = [table] if removals else ["nothing to remove"]
    lines += [f"left alone: {text}" for text in (report.spared if report else ())]
    return [*lines, *(f"pull request {number} is open again" for number in planned.reopened)]


def tables(found: Inventory, uses: Mapping[str, Use]) -> list[RenderableType]:
    """Snapshots and branches as two tables."""
    snapshots = Table("snapshot", "version", "state", "size", "rows", "data's age", title="Snapshots")
    for one in found.snapshots:
        rows = str(one.metadata.rows) if one.metadata else "-"
        state = "published" if one.published else "unfinished"
        snapshots.add_row(one.name, str(one.version), state, size(one.bytes), rows, age(one.age_seconds))
    branches = Table(title="Branches")
    branches.add_column("branch", no_wrap=True)
    branches.add_column("application", no_wrap=True)
    for column in ("size", "own blocks", "data", "age", "last session", "ends"):
        branches.add_column(column)
    for branch in found.branches:
        made = branch.metadata
        branches.add_row(
            branch.name if branch.ready else f"{branch.name} (unfinished)",
            made.application if made else "-",
            size(branch.bytes),
            size(_own(branch)),
            f"v{made.snapshot_version}" if made else "-",
            age(branch.age_seconds),
            _last_session(made, uses.get(branch.name)) if made else "-",
            _end(made) if made else "-",
        )
    warm = Counter(f"{one.database} v{one.version}" for one in found.warm)
    ready = [f"warm, waiting for a pull request: {what}: {count}" for what, count in warm.items()]
    return [snapshots, branches, *ready]


def _own(branch: Branch) -> int | None:
    """Bytes that no other database has: where blocks are shared, at least what it grew by."""
    made = branch.metadata
    return max(branch.bytes - made.bytes, 0) if branch.bytes is not None and made and made.shared else branch.bytes


def _last_session(made: BranchMetadata, use: Use | None) -> str:
    if use is None:
        return "-"
    if use.connected or use.sessions != made.sessions:
        return "now" if use.connected else "since the last sweep"
    return f"{age(seconds_since(made.active_at))} ago" if made.active_at else "never"


def _end(made: BranchMetadata) -> str:
    end = lifetime.expires(made)
    kept = f"kept until {made.lease_until[:16]}" if lifetime.leased(made, datetime.now(UTC)) else ""
    return kept or (f"{end:%Y-%m-%d %H:%M}" if end else "with its pull request")


def size(count: int | None) -> str:
    """Bytes for a person."""
    return "-" if count is None else f"{count / 1024 / 1024:.1f} MB"


def age(seconds: float | None) -> str:
    """Seconds for a person: the two largest units that matter."""
    if seconds is None:
        return "-"
    minutes = int(seconds) // 60
    if minutes < 1:
        return f"{int(seconds)} s"
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
