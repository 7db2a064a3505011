"""`socle:kubernetes:Task`: a Job in the cluster, waited for."""

from __future__ import annotations

from typing import Any

from tools.plugins.resource import DiffResult, PluginError, State, tell
from tools.plugins.socle.plain import Plain
from tools.plugins.values import UNKNOWN, Properties

_RUNS_NOTHING = frozenset({"context", "cluster", "timeoutSeconds", "attempts", "remove"})
"""A change of these is a change of how and of what comes later, not of what was done."""


class Task(Plain):
    """Inputs as `components.kubernetes.task` gives them. The id is `<namespace>/<job>`.

    What a Job did inside a database can't be read back, so a refresh believes it.
    """

    replacing = frozenset({"namespace", "job", "generation"})

    def diff(self, prior: State, news: Properties) -> DiffResult:
        """As ever, but what moves into another namespace is made there first."""
        found = super().diff(prior, news)
        return DiffResult(changes=found.changes, delete_before_replace="generation" in found.changes)

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Run it."""
        if preview:
            return "", inputs | {"message": UNKNOWN}
        message = _run(inputs, inputs["apply"])
        return f"{inputs['namespace']}/{inputs['job']}", inputs | {"message": message}

    def read(self, prior: State) -> State | None:
        """As it was."""
        return prior if prior.inputs else None

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        """Run it again where what it does has changed."""
        if not set(self.diff(prior, news).changes) - _RUNS_NOTHING:
            return news | {"message": prior.outputs.get("message", "")}
        return news | {"message": UNKNOWN if preview else _run(news, news["apply"])}

    def delete(self, prior: State) -> None:
        """Run what undoes it; where the namespace is gone there is nothing left to undo."""
        if prior.inputs.get("remove"):
            _run(prior.inputs, prior.inputs["remove"], suffix="-remove", absent_ok=True)


def _run(inputs: Properties, spec: dict[str, Any], *, suffix: str = "", absent_ok: bool = False) -> str:
    from components.kubernetes.access import Access, ClusterError, require
    from tools.kubernetes import jobs

    access = Access(context=inputs["context"], identity=inputs["cluster"])
    job = jobs.Job(
        namespace=inputs["namespace"],
        name=f"{inputs['job']}{suffix}",
        pod=spec,
        timeout_seconds=int(inputs["timeoutSeconds"]),
        attempts=int(inputs["attempts"]),
    )
    try:
        return jobs.run(require(access), job, tell)
    except jobs.NamespaceMissingError as error:
        if not absent_ok:
            raise PluginError(str(error)) from None
        return ""
    except (ClusterError, jobs.JobError) as error:
        raise PluginError(str(error)) from None
