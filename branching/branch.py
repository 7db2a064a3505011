"""Makes and resets a pull request's branch, as the brancher: a role that has no right on production."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import psycopg

from branching import branch_plan as plan
from branching import (
    branch_role,
    branch_state,
    disk,
    inventory,
    names,
    pool,
    probe,
    quota,
    strategy,
    template,
    tombstones,
)
from branching.branch_drop import DropReport, drop, drop_database
from branching.branch_plan import Limits
from branching.connection import Connection, Server, connect, major
from branching.errors import NameRefusedError, NotOursError, ServerRefusedError, SnapshotMissingError
from branching.measures import TYPICAL
from branching.metadata import BranchMetadata, Content, SnapshotMetadata, encode, now
from branching.quota import Quota
from branching.strategy import Strategy

__all__ = ["BranchInfo", "BranchRequest", "DropReport", "Limits", "create", "drop", "reset"]


@dataclass(frozen=True, kw_only=True)
class BranchRequest:
    """The branch that shall be there."""

    name: str
    """`pr_<n>` or `pr_<n>_<application>`; the role that logs in has the same name."""
    application: str
    database: str
    """The live database whose snapshot it is made from."""
    pull_request: int
    password: str | None = field(default=None, repr=False)
    """In clear here and nowhere else: the server is sent a SCRAM verifier. None keeps the password of a role that is
    there."""
    snapshot_version: int | None = None
    """None is the newest."""
    content: Content = Content.MASKED
    """What of the source's rows it may hold."""
    limits: Limits = field(default_factory=Limits)
    ttl_seconds: int | None = None
    """How long it lives after the last push, for the sweeper to read. None is for ever."""
    idle_seconds: int | None = None
    """How long it lives without a session. None is for ever."""
    quota: Quota = field(default_factory=Quota)
    free_bytes: disk.FreeBytes | None = field(default=None, repr=False)
    """Asks for the free bytes of the server's disk; None looks itself, where the server is on this machine and tells
    the session where its data are (the brancher it doesn't)."""


@dataclass(frozen=True, kw_only=True)
class BranchInfo:
    """A branch that is ready."""

    name: str
    role: str
    metadata: BranchMetadata
    kept: bool
    """True where it was there and its data was left as it is."""
    strategy: Strategy | None
    """How it was copied; None where it was kept."""
    warm: bool = False
    """Whether a copy was ready and only took its name."""
    seconds: float
    """How long this call took."""
    warnings: tuple[str, ...]
    """Settings of the source that the brancher may not give."""

    @property
    def snapshot_age_seconds(self) -> float:
        """How old the data is that it began with."""
        return inventory.seconds_since(self.metadata.snapshot_taken_at)


def create(server: Server, request: BranchRequest) -> BranchInfo:
    """Make the branch, or keep it with its data where it is there; password and limits are brought up to date.

    What an interrupted run left is dropped and made again.

    Args:
        server: with the brancher's name and password.
        request: the branch.

    Raises:
        NameRefusedError: it isn't a branch's name, or not that pull request's.
        SnapshotMissingError: there is nothing to make it from.
        NotOursError: a database or role of the name is there that Socle didn't make, or that is another application's.
        PullRequestClosedError: the pull request was closed, and this is a late run.
        QuotaExceededError: there are as many branches as there may be.
        ServerRefusedError: the brancher may not do it, or a first password is missing.
        DiskShortError: the copy would not fit.
        CopyFailedError: the server's disk ran full all the same.
    """
    started = time.monotonic()
    with _session(server, request) as connection:
        tombstones.require_open(connection, request.pull_request)
        existing = _existing(connection, request)
        if existing is not None:
            return _keep(connection, request, existing, started)
        quota.require(inventory.survey(connection, sizes=False), request.quota, request.name, request.application)
        return _make(server, connection, request, started)


def reset(server: Server, request: BranchRequest) -> BranchInfo:
    """Make the branch afresh from the snapshot, under the same role; sessions that are open in it are ended.

    Raises as `create` does; nothing is dropped where there is no snapshot to begin again from.
    """
    started = time.monotonic()
    with _session(server, request) as connection:
        tombstones.require_open(connection, request.pull_request)
        _existing(connection, request)
        return _make(server, connection, request, started)


def predict(server: Server, request: BranchRequest, *, afresh: bool = False) -> strategy.Plan | None:
    """What `create`, or `reset` where `afresh`, would do and cost. Changes nothing.

    Returns:
        None where it would keep the branch that is there.

    Raises as `create` does.
    """
    with _session(server, request) as connection:
        if _existing(connection, request) is not None and not afresh:
            return None
        return _choose(server, connection, request).plan


@contextmanager
def _session(server: Server, request: BranchRequest) -> Iterator[Connection]:
    names.checked_branch(request.name)
    parsed = names.parse_branch(request.name)
    if parsed is None or parsed.pull_request != request.pull_request:
        raise NameRefusedError(
            f"{request.name} is not a name for pull request {request.pull_request}",
            f"call it {names.branch_name(request.pull_request)}",
        )
    with connect(server) as connection, branch_state.exclusively(connection, request.name):
        try:
            yield connection
        except psycopg.errors.InsufficientPrivilege as error:
            raise ServerRefusedError(
                f"{connection.info.user} may not make {request.name}: {error.diag.message_primary}",
                "the brancher needs CREATEDB, CREATEROLE and, from the snapshot's build, the owner role with ADMIN",
            ) from None


def _existing(connection: Connection, request: BranchRequest) -> BranchMetadata | None:
    """The finished branch of that name, or None where there is none or only what an interrupted run left.

    Raises:
        NotOursError: the database is somebody else's.
    """
    found = branch_state.find(connection, request.name)
    if found is None:
        return None
    branch_state.require_ours(found, connection.info.user)
    metadata = found.metadata
    if not isinstance(metadata, BranchMetadata):
        return None
    if (metadata.application, metadata.database) != (request.application, request.database):
        raise NotOursError(
            f"{request.name} is the branch of {metadata.application} ({metadata.database})",
            f"name this one {names.branch_name(request.pull_request, request.application)}",
        )
    return metadata if branch_state.is_finished(found) else None


def _keep(connection: Connection, request: BranchRequest, existing: BranchMetadata, started: float) -> BranchInfo:
    branch_role.ensure(connection, request.name, request.password, request.limits)
    pushed = replace(existing, pushed_at=now(), ttl_seconds=request.ttl_seconds, idle_seconds=request.idle_seconds)
    with connection.transaction():
        connection.execute(plan.comment(request.name, encode(pushed)))
        # Given again, since a session of the branch may have taken some of it away.
        _give(connection, request, names.branch_owner(existing.database))
        connection.execute(plan.open_to(request.name, request.limits))
    return BranchInfo(
        name=request.name,
        role=request.name,
        metadata=pushed,
        kept=True,
        strategy=None,
        seconds=time.monotonic() - started,
        warnings=(),
    )


def _make(server: Server, connection: Connection, request: BranchRequest, started: float) -> BranchInfo:
    # Whatever can refuse comes before the drop: a reset that can't begin again must not lose what is there.
    planned = _choose(server, connection, request)
    disk.require(planned.plan.disk_bytes, planned.free, f"the branch {request.name}")
    branch_role.ensure(connection, request.name, request.password, request.limits)
    drop_database(connection, request.name)
    copying = time.monotonic()
    chosen, warm = _copy(server, connection, request)
    snapshot = chosen.snapshot
    metadata = BranchMetadata(
        application=request.application,
        database=request.database,
        pull_request=request.pull_request,
        snapshot_version=snapshot.version,
        snapshot_taken_at=snapshot.taken_at,
        created_at=now(),
        ttl_seconds=request.ttl_seconds,
        idle_seconds=request.idle_seconds,
        comment=snapshot.comment,
        strategy="warm" if warm else chosen.plan.strategy.value,
        seconds=round(time.monotonic() - copying, 3),
        bytes=snapshot.bytes,
        shared=chosen.plan.shares,
    )
    # In one transaction: until it commits the copy is closed and unmarked, which the next run takes for unfinished.
    with connection.transaction():
        warnings = _restore_settings(connection, request, snapshot)
        _give(connection, request, snapshot.owner)
        connection.execute(plan.comment(request.name, encode(metadata)))
        connection.execute(plan.open_to(request.name, request.limits))
    return BranchInfo(
        name=request.name,
        role=request.name,
        metadata=metadata,
        kept=False,
        strategy=chosen.plan.strategy,
        warm=warm,
        seconds=time.monotonic() - started,
        warnings=warnings,
    )


def _give(connection: Connection, request: BranchRequest, owner: str) -> None:
    statements = [
        *plan.memberships(request.name, owner, connection.info.user, major(connection)),
        *plan.access(request.name, request.name, owner),
        *plan.session(request.name, request.name, owner, request.limits),
    ]
    for statement in statements:
        connection.execute(statement)


def _restore_settings(connection: Connection, request: BranchRequest, snapshot: SnapshotMetadata) -> tuple[str, ...]:
    name = request.name
    statements = [(setting, plan.database_setting(name, setting)) for setting in snapshot.settings]
    statements += [(setting, plan.role_setting(name, name, setting)) for setting in snapshot.login_settings]
    warnings = []
    for setting, statement in statements:
        try:
            with connection.transaction():
                connection.execute(statement)
        except (
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.UndefinedObject,
            psycopg.errors.DataError,
        ) as error:
            warnings.append(f"setting {setting.partition('=')[0]} was not restored: {error.diag.message_primary}")
    return tuple(warnings)


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """What a branch is made from, and how."""

    snapshot: SnapshotMetadata
    plan: strategy.Plan
    free: int | None
    """Bytes where the copy will lie; None where nobody knows."""
    found: inventory.Inventory


@template.retried
def _copy(server: Server, connection: Connection, request: BranchRequest) -> tuple[_Choice, bool]:
    """Copy what is chosen; whether a warm copy was there."""
    chosen = _choose(server, connection, request)
    snapshot = chosen.snapshot
    if pool.take(connection, chosen.found, snapshot.database, snapshot.version, request.name):
        return chosen, True
    template.copy(connection, snapshot, request.name, chosen.plan)
    return chosen, False


def _choose(server: Server, connection: Connection, request: BranchRequest) -> _Choice:
    """The published snapshot that is asked for, and how to copy it.

    Raises:
        SnapshotMissingError: there is none.
    """
    found = inventory.survey(connection, sizes=False)
    published = found.published(request.database, request.content)
    wanted = [one for one in published if request.snapshot_version in (None, one.version)]
    if not wanted:
        version = "" if request.snapshot_version is None else f" v{request.snapshot_version}"
        have = ", ".join(f"v{one.version}" for one in published) or "none"
        kind = "" if request.content is Content.MASKED else f"{request.content} "
        raise SnapshotMissingError(
            f"there is no {kind}snapshot{version} of {request.application} (database {request.database}); "
            f"there is {have}",
            f"make snapshot APP={request.application}",
        )
    snapshot = wanted[-1]
    look = request.free_bytes or (lambda: disk.local_free_bytes(server, connection, snapshot.tablespace))
    free = look()
    measures = probe.known(found, connection.info.server_version, snapshot.tablespace) or TYPICAL
    room = None if free is None else free - disk.RESERVE
    chosen = strategy.choose(snapshot.bytes, major(connection), measures, room)
    return _Choice(snapshot=snapshot, plan=chosen, free=free, found=found)
