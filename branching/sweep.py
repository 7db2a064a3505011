"""Removes what no open pull request needs. It fails closed: in doubt nothing goes, and it says why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from branching import activity, branch_drop, inventory, lifetime, lock, names, source, target, tombstones
from branching.connection import Connection, Server, connect
from branching.inventory import Database
from branching.metadata import BranchMetadata
from branching.pull_requests import PullRequests
from branching.sweep_plan import Bounds, Found, Kind, Removal, SweepPlan, is_stack, plan

RemoveStack = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class SweepReport:
    """What a sweep did."""

    removed: tuple[Removal, ...]
    spared: tuple[str, ...]
    """What turned out otherwise when it was looked at again, a line each."""


def look(server: Server, pull_requests: PullRequests, bounds: Bounds, stacks: Iterable[str] = ()) -> SweepPlan:
    """What a sweep would do now. Changes nothing but what branches remember of their sessions.

    Args:
        server: with the brancher's name and password.
        pull_requests: which are open.
        bounds: when a plan is too much to be true.
        stacks: names of Pulumi stacks; only those of pull requests are looked at.

    Raises:
        SweepRefusedError: the list can't be had, is empty while there are branches, or too much would go.
    """
    open_ = pull_requests.open()
    with connect(server) as connection:
        activity.observe(connection)
        return plan(_found(connection, stacks), open_, bounds, datetime.now(UTC))


def apply(
    server: Server, planned: SweepPlan, pull_requests: PullRequests, remove_stack: RemoveStack | None = None
) -> SweepReport:
    """Do what was planned, after another look at each thing.

    Raises:
        SweepRefusedError: whether a pull request is open can't be known; what was removed before stays removed.
        NotOursError: something of a branch's name isn't one.
    """
    done = _Done()
    with connect(server) as connection:
        for number in planned.reopened:
            tombstones.reopen(connection, number)
    numbers = sorted({one.pull_request for one in planned.removals if one.pull_request is not None})
    # Drops that come together share checkpoints; few at a time, so that each was asked about just before.
    for start in range(0, len(numbers), branch_drop.AT_ONCE):
        closed = [
            one
            for number in numbers[start : start + branch_drop.AT_ONCE]
            for one in _closed(server, planned, number, pull_requests, remove_stack, done)
        ]
        _drop(server, closed, done)
    _drop(server, [one for one in planned.removals if one.pull_request is None], done)
    with connect(server) as connection:
        for one in planned.removals:
            if one.kind in (Kind.SNAPSHOT, Kind.TOMBSTONE) and _gone(connection, one):
                done.removed.append(one)
    return SweepReport(removed=tuple(done.removed), spared=tuple(done.spared))


@dataclass(frozen=True)
class _Done:
    removed: list[Removal] = field(default_factory=list)
    spared: list[str] = field(default_factory=list)


def _closed(
    server: Server,
    planned: SweepPlan,
    number: int,
    pull_requests: PullRequests,
    remove_stack: RemoveStack | None,
    done: _Done,
) -> list[Removal]:
    """Asks about a pull request once more, and sets its tombstone and removes its stacks where it is closed.

    Returns:
        What else of it is to go.
    """
    if pull_requests.is_open(number):
        done.spared.append(f"pull request {number} is open again")
        return []
    if _leased(server, number):
        done.spared.append(f"a branch of pull request {number} is leased by now")
        return []
    its = [one for one in planned.removals if one.pull_request == number]
    # Before anything of it goes: from here on no late run makes it again.
    with connect(server) as connection:
        tombstones.close(connection, number)
    for one in its:
        if one.kind is Kind.STACK and remove_stack is not None:
            remove_stack(one.name)
            done.removed.append(one)
    return its


def _leased(server: Server, number: int) -> bool:
    """Whether somebody holds a branch of the pull request, whose stack would take it along."""
    with connect(server) as connection:
        branches = inventory.survey(connection, sizes=False).branches
    own = (one.metadata for one in branches if one.pull_request == number and one.metadata)
    return any(lifetime.leased(made, datetime.now(UTC)) for made in own)


def _found(connection: Connection, stacks: Iterable[str]) -> Found:
    found = inventory.survey(connection, sizes=False)
    rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^pr_[1-9]' AND rolcanlogin").fetchall()
    sources = {one.database for one in found.snapshots if not one.published}
    return Found(
        inventory=found,
        roles=frozenset(name for (name,) in rows if isinstance(name, str) and names.parse_branch(name)),
        tombstones=tombstones.all_of(connection),
        building=frozenset(one for one in sources if lock.holder(connection, source.subject(one), one) is not None),
        stacks=frozenset(filter(is_stack, stacks)),
    )


def _drop(server: Server, removals: Sequence[Removal], done: _Done) -> None:
    """Drop the branches and roles among them in one go, but for what is otherwise by now."""
    wanted = {one.name: one for one in removals if one.kind in (Kind.BRANCH, Kind.ROLE)}
    spared: set[str] = set()

    def spare(found: Database | None) -> bool:
        if found is None or found.connection_limit == inventory.INTERRUPTED_DROP:
            return False
        if _is_wanted(server, found, wanted[found.name]):
            spared.add(found.name)
        return found.name in spared

    if wanted:
        branch_drop.drop(server, list(wanted), spare)
    done.removed.extend(one for name, one in wanted.items() if name not in spared)
    done.spared.extend(f"{name} is needed by now" for name in sorted(spared))


def _is_wanted(server: Server, found: Database, removal: Removal) -> bool:
    """Whether it was finished, pushed to, leased or opened again since the plan."""
    made, moment = found.metadata, datetime.now(UTC)
    if not isinstance(made, BranchMetadata):
        return False
    if removal.pull_request is not None:
        return lifetime.leased(made, moment) or _reopened(server, removal.pull_request)
    return removal.unfinished or not lifetime.ended(made, moment)


def _reopened(server: Server, number: int) -> bool:
    with connect(server) as connection:
        return number not in tombstones.all_of(connection)


def _gone(connection: Connection, one: Removal) -> bool:
    if one.kind is Kind.TOMBSTONE:
        tombstones.reopen(connection, int(one.name))
        return True
    parsed = names.parse_snapshot(one.name) or names.parse_warm(one.name)
    building = parsed and lock.holder(connection, source.subject(parsed.database), parsed.database)
    if one.unfinished and building is not None:
        return False
    target.drop(connection, one.name)
    return True
