"""What a sweep would remove, and whether it may. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from branching import lifetime, names, publish
from branching.errors import SweepRefusedError
from branching.inventory import Branch, Inventory

TOMBSTONE_DAYS = 90
"""How long a closed pull request is remembered: longer than any run of its can be late."""


class Kind(StrEnum):
    """What is removed."""

    STACK = "stack"
    BRANCH = "branch"
    ROLE = "role"
    SNAPSHOT = "snapshot"
    TOMBSTONE = "tombstone"


@dataclass(frozen=True, kw_only=True)
class Removal:
    """One thing to remove, and why."""

    kind: Kind
    name: str
    reason: str
    pull_request: int | None = None
    """Set where it goes because this pull request isn't open, which is asked again before."""
    unfinished: bool = False
    """Left by an interrupted run, unless that run is still at it: looked at again before."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What there is to sweep."""

    inventory: Inventory
    roles: frozenset[str]
    """Login roles with a branch's name."""
    tombstones: Mapping[int, str]
    building: frozenset[str] = frozenset()
    """Databases that somebody builds a snapshot of."""
    stacks: frozenset[str] = frozenset()
    """Pulumi stacks of pull requests."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """When a plan is too much to be true."""

    largest_share: float = 0.5
    """Of the branches and stacks that may go at once."""
    always: int = 3
    """So many may go whatever their share."""
    allow_empty: bool = False
    """Whether to believe a list without any open pull request while there are branches."""


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """What to do."""

    removals: tuple[Removal, ...]
    reopened: tuple[int, ...]
    """Pull requests that are open again: their tombstones go."""


def plan(found: Found, open_: frozenset[int], bounds: Bounds, moment: datetime, keep: int = publish.KEEP) -> SweepPlan:
    """What a sweep removes when these pull requests are open at `moment`.

    Raises:
        SweepRefusedError: the list is empty while there are branches, or too large a share would go.
    """
    _require_list(found, open_, bounds)
    removals = (
        *_stacks(found, open_, moment),
        *_branches(found, open_, moment),
        *_roles(found),
        *_snapshots(found, keep, moment),
        *_warm(found),
        *_tombstones(found, open_, moment),
    )
    _require_share(found, removals, bounds)
    return SweepPlan(removals=removals, reopened=tuple(sorted(found.tombstones.keys() & open_)))


def _stacks(found: Found, open_: frozenset[int], moment: datetime) -> Iterator[Removal]:
    for stack in sorted(found.stacks):
        number = int(stack.removeprefix("pr-"))
        leased = any(
            branch.pull_request == number and branch.metadata and lifetime.leased(branch.metadata, moment)
            for branch in found.inventory.branches
        )
        if number not in open_ and not leased:
            yield Removal(kind=Kind.STACK, name=stack, reason=f"pull request {number} is not open", pull_request=number)


def _branches(found: Found, open_: frozenset[int], moment: datetime) -> Iterator[Removal]:
    for branch in found.inventory.branches:
        number = branch.pull_request
        if branch.half_dropped:
            yield _branch(branch, "its drop was interrupted", unfinished=True)
        elif branch.metadata is None:
            yield _branch(branch, "it was never finished", unfinished=True)
        elif number not in open_ and not lifetime.leased(branch.metadata, moment):
            yield _branch(branch, f"pull request {number} is not open", pull_request=number)
        elif reason := lifetime.ended(branch.metadata, moment):
            yield _branch(branch, reason)


def _branch(branch: Branch, reason: str, pull_request: int | None = None, *, unfinished: bool = False) -> Removal:
    return Removal(kind=Kind.BRANCH, name=branch.name, reason=reason, pull_request=pull_request, unfinished=unfinished)


def _roles(found: Found) -> Iterator[Removal]:
    databases = {branch.name for branch in found.inventory.branches}
    for role in sorted(found.roles - databases):
        yield Removal(kind=Kind.ROLE, name=role, reason="it has no database", unfinished=True)


def _snapshots(found: Found, keep: int, moment: datetime) -> Iterator[Removal]:
    for one in found.inventory.snapshots:
        if not one.published and one.database not in found.building:
            reason = "its drop was interrupted" if one.half_dropped else "its build was interrupted"
            yield Removal(kind=Kind.SNAPSHOT, name=one.name, reason=reason, unfinished=True)
    for database in sorted({one.database for one in found.inventory.snapshots}):
        for name in publish.superseded(found.inventory, database, keep, moment):
            yield Removal(kind=Kind.SNAPSHOT, name=name, reason="newer ones have taken its place and no branch uses it")


def _warm(found: Found) -> Iterator[Removal]:
    for one in found.inventory.warm:
        newest = found.inventory.published(one.database)[-1:]
        if one.half_dropped or one.version not in {made.version for made in newest}:
            yield Removal(kind=Kind.SNAPSHOT, name=one.name, reason="a warm copy of an older snapshot", unfinished=True)


def _tombstones(found: Found, open_: frozenset[int], moment: datetime) -> Iterator[Removal]:
    for number, closed in sorted(found.tombstones.items()):
        old = not closed or datetime.fromisoformat(closed) < moment - timedelta(days=TOMBSTONE_DAYS)
        if number not in open_ and old:
            reason = f"pull request {number} was closed more than {TOMBSTONE_DAYS} days ago"
            yield Removal(kind=Kind.TOMBSTONE, name=str(number), reason=reason)


def _require_list(found: Found, open_: frozenset[int], bounds: Bounds) -> None:
    there = len(found.inventory.branches) + len(found.stacks)
    if not open_ and there and not bounds.allow_empty:
        raise SweepRefusedError(
            f"the list of open pull requests is empty, and there are {len(found.inventory.branches)} branches and "
            f"{len(found.stacks)} stacks; nothing was removed",
            "if really none is open: --allow-empty (make sweep … EMPTY=1)",
        )


def _require_share(found: Found, removals: tuple[Removal, ...], bounds: Bounds) -> None:
    """Half-made things don't count: their number says nothing about whether the list is right."""
    for kind, there in ((Kind.BRANCH, len(found.inventory.branches)), (Kind.STACK, len(found.stacks))):
        going = sum(1 for one in removals if one.kind is kind and not one.unfinished)
        if going > bounds.always and going > bounds.largest_share * there:
            raise SweepRefusedError(
                f"{going} of {there} {'branches' if kind is Kind.BRANCH else 'stacks'} would go, and at most "
                f"{bounds.largest_share:.0%} may at once; nothing was removed",
                "if that is right: --largest-share 1 (make sweep … SHARE=1)",
            )


def is_stack(name: str) -> bool:
    """Whether a Pulumi stack is a pull request's."""
    return name.startswith("pr-") and names.parse_branch(f"pr_{name.removeprefix('pr-')}") is not None
