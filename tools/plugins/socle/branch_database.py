"""`socle:postgres:BranchDatabase`: a pull request's branch, made by `branching` as the brancher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.plugins.resource import PluginError, State, tell
from tools.plugins.socle.plain import Plain
from tools.plugins.values import UNKNOWN, Properties

if TYPE_CHECKING:
    from branching.branch import BranchInfo, BranchRequest
    from branching.connection import Server

OUTPUTS = ("snapshot", "taken")
"""What only the making tells."""


class BranchDatabase(Plain):
    """Inputs as `components.postgres.branch_database` gives them. The id is the branch's name.

    Imports what talks to PostgreSQL only where it does: a run without a change needs none of it.
    """

    replacing = frozenset({"branch", "application", "source", "pullRequest", "content"})
    secrets = frozenset({"brancherPassword", "password"})

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Make the branch, or keep the one that an interrupted run finished."""
        if preview:
            _predict(inputs, afresh=False)
            return "", inputs | dict.fromkeys(OUTPUTS, UNKNOWN)
        return inputs["branch"], _made(inputs, afresh=False)

    def read(self, prior: State) -> State | None:
        """The branch as its metadata say; None where it is gone or was never finished."""
        from branching import branch_state
        from branching.connection import connect
        from branching.metadata import BranchMetadata

        with connect(_server(prior.inputs)) as connection:
            found = branch_state.find(connection, prior.id)
        about = found.metadata if found else None
        if found is None or not isinstance(about, BranchMetadata) or not branch_state.is_finished(found):
            return None
        outputs = prior.inputs | _snapshot(about)
        return State(id=prior.id, inputs=dict(prior.inputs), outputs=outputs)

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        """Bring password and limits up to date; a new generation makes the data afresh."""
        afresh = prior.inputs.get("generation") != news.get("generation")
        kept = {name: UNKNOWN if afresh else prior.outputs.get(name) for name in OUTPUTS}
        if preview and afresh:
            _predict(news, afresh=True)
        return news | kept if preview else _made(news, afresh=afresh)

    def delete(self, prior: State) -> None:
        """Drop the branch with the sessions in it, then its role."""
        from branching.branch import drop
        from branching.errors import BranchingError

        try:
            drop(_server(prior.inputs), [prior.id])
        except BranchingError as error:
            raise PluginError(str(error)) from None


def _made(inputs: Properties, *, afresh: bool) -> Properties:
    from branching.branch import create, reset
    from branching.errors import BranchingError

    try:
        info: BranchInfo = (reset if afresh else create)(_server(inputs), _request(inputs))
    except BranchingError as error:
        raise PluginError(str(error)) from None
    return inputs | _snapshot(info.metadata)


def _predict(inputs: Properties, *, afresh: bool) -> None:
    """Say what the making will cost. What can't be known yet, or read, the update says."""
    from branching.branch import predict
    from branching.errors import BranchingError

    if any(inputs.get(name) is UNKNOWN for name in ("host", "port", "brancherPassword")):
        return
    try:
        plan = predict(_server(inputs), _request(inputs | {"password": None}), afresh=afresh)
    except (BranchingError, OSError) as error:
        tell(f"{inputs['branch']}: {error}")
        return
    if plan is not None:
        tell(f"{inputs['branch']}: {plan} (predicted)")


def _snapshot(about: object) -> Properties:
    from branching import names
    from branching.metadata import BranchMetadata

    assert isinstance(about, BranchMetadata)  # noqa: S101 - for the type checker; both callers know
    return {
        "snapshot": names.snapshot_name(about.database, about.snapshot_version),
        "taken": about.snapshot_taken_at,
    }


def _server(inputs: Properties) -> Server:
    from branching.connection import Server

    return Server(
        host=inputs["host"],
        port=inputs["port"],
        user=inputs["brancher"],
        password=inputs["brancherPassword"],
        sslmode=inputs["sslmode"],
        sslrootcert=inputs.get("caFile") or "",
    )


def _seconds(days: int | None) -> int | None:
    return days * 86400 if days else None


def _request(inputs: Properties) -> BranchRequest:
    from branching.branch import BranchRequest, Limits
    from branching.metadata import Content
    from branching.quota import Quota

    return BranchRequest(
        name=inputs["branch"],
        application=inputs["application"],
        database=inputs["source"],
        pull_request=inputs["pullRequest"],
        password=inputs["password"],
        content=Content(inputs.get("content") or Content.MASKED),
        ttl_seconds=_seconds(inputs.get("ttlDays")),
        idle_seconds=_seconds(inputs.get("idleDays")),
        quota=Quota(per_application=inputs.get("quotaPerApplication"), total=inputs.get("quotaTotal")),
        limits=Limits(
            connections=inputs["connectionLimit"],
            statement_timeout=f"{inputs['statementTimeoutMs']}ms",
            idle_in_transaction_session_timeout=f"{inputs['idleInTransactionTimeoutMs']}ms",
        ),
    )
