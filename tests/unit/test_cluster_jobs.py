"""Jobs that a resource runs: what is asked of the API, what comes back, and what a failure says.

Doesn't prove: that Kubernetes behaves as the fake does; tests/kubernetes runs them.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import ApiException

from tools.kubernetes import jobs
from tools.kubernetes.jobs import Job, JobError, NamespaceMissingError
from tools.plugins.resource import State
from tools.plugins.socle import task as plugin
from tools.plugins.socle.task import Task
from tools.plugins.values import UNKNOWN

JOB = Job(namespace="databases", name="city-api-privileges", pod={"containers": []}, timeout_seconds=60, attempts=3)


class Api:
    """Answers as the batch and core APIs do, from what a test says of the Job's end."""

    def __init__(self, *, ends: str = "Complete", message: str = "", log: str = "", left: int = 0) -> None:
        self.ends, self.message, self.text, self.left = ends, message, log, left
        self.created: list[dict[str, Any]] = []
        self.deleted = 0

    def delete_namespaced_job(self, name: str, namespace: str, **_: Any) -> None:
        if self.left == 0 and not self.created:
            raise ApiException(status=404)
        if self.left == 0:
            self.created.clear()
        self.left = max(0, self.left - 1)
        self.deleted += 1

    def create_namespaced_job(self, namespace: str, manifest: dict[str, Any]) -> None:
        self.created.append(manifest)

    def read_namespaced_job_status(self, name: str, namespace: str) -> Any:
        condition = SimpleNamespace(type=self.ends, status="True", reason="BackoffLimitExceeded")
        return SimpleNamespace(status=SimpleNamespace(conditions=[condition]))

    def list_namespaced_pod(self, namespace: str, label_selector: str) -> Any:
        assert label_selector == "batch.kubernetes.io/job-name=city-api-privileges"
        ended = SimpleNamespace(exit_code=0 if self.ends == "Complete" else 1, message=self.message)
        container = SimpleNamespace(state=SimpleNamespace(waiting=None, terminated=ended), image="x")
        status = SimpleNamespace(container_statuses=[container], conditions=[])
        return SimpleNamespace(
            items=[SimpleNamespace(metadata=SimpleNamespace(name="pod", creation_timestamp=1), status=status)]
        )

    def read_namespaced_pod_log(self, name: str, namespace: str, tail_lines: int) -> str:
        return self.text


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(**said: Any) -> Api:
        one = Api(**said)
        monkeypatch.setattr(jobs, "BatchV1Api", lambda _: one)
        monkeypatch.setattr(jobs, "CoreV1Api", lambda _: one)
        monkeypatch.setattr(jobs, "_LOOK_SECONDS", 0)
        return one

    return use


def test_what_is_left_of_an_earlier_run_goes_first_and_nothing_stays(api: Any) -> None:
    one = api(left=2, message="made")
    assert jobs.run(None, JOB, print) == "made"
    assert one.deleted == 3
    assert not one.created


def test_a_failure_says_what_the_pod_said_and_the_job_stays(api: Any) -> None:
    one = api(ends="Failed", log="ERROR:  role x is there and wasn't made for city_api\n")
    with pytest.raises(JobError, match=r"BackoffLimitExceeded.*:\nERROR:  role x") as caught:
        jobs.run(None, JOB, print)
    assert "databases/city-api-privileges" in str(caught.value)
    assert len(one.created) == 1


def test_a_namespace_that_is_not_there_is_told_apart(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = api()

    def missing(*_: Any) -> None:
        raise ApiException(status=404)

    monkeypatch.setattr(one, "create_namespaced_job", missing)
    with pytest.raises(NamespaceMissingError, match="no namespace databases"):
        jobs.run(None, JOB, print)


def test_a_job_has_no_token_and_an_end() -> None:
    spec = jobs.manifest(JOB)["spec"]
    assert spec["template"]["spec"]["automountServiceAccountToken"] is False
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (2, 60)
    assert spec["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [3, 65]


INPUTS: dict[str, Any] = {
    "context": "", "cluster": "uid", "namespace": "databases", "job": "j", "apply": {"a": 1}, "remove": {"r": 1},
    "triggers": {}, "generation": 0, "timeoutSeconds": 60, "attempts": 1,
}  # fmt: skip


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The specs that were run."""
    specs: list[dict[str, Any]] = []

    def run(_: object, job: Job, tell: object) -> str:
        specs.append(job.pod)
        return "message"

    monkeypatch.setattr(jobs, "run", run)
    monkeypatch.setattr("components.kubernetes.access.require", lambda _: None)
    assert plugin.Task is Task
    return specs


def state(**changes: Any) -> State:
    return State(id="databases/j", inputs=dict(INPUTS), outputs={**INPUTS, "message": "before", **changes})


def test_a_preview_runs_nothing(ran: list[dict[str, Any]]) -> None:
    assert Task().create(INPUTS, preview=True)[1]["message"] is UNKNOWN
    assert Task().update(state(), {**INPUTS, "apply": {"a": 2}}, preview=True)["message"] is UNKNOWN
    assert not ran


@pytest.mark.parametrize("changed", [{"timeoutSeconds": 99}, {"context": "other"}, {"remove": {"r": 2}}])
def test_a_change_of_how_runs_nothing(ran: list[dict[str, Any]], changed: dict[str, Any]) -> None:
    assert Task().update(state(), {**INPUTS, **changed}, preview=False)["message"] == "before"
    assert not ran


@pytest.mark.parametrize("changed", [{"apply": {"a": 2}}, {"triggers": {"password": "x"}}])
def test_a_change_of_what_runs_it_again(ran: list[dict[str, Any]], changed: dict[str, Any]) -> None:
    assert Task().update(state(), {**INPUTS, **changed}, preview=False)["message"] == "message"
    assert len(ran) == 1


def test_a_new_generation_undoes_first(ran: list[dict[str, Any]]) -> None:
    found = Task().diff(state(), {**INPUTS, "generation": 1})
    assert found.replaces == ("generation",)
    assert found.delete_before_replace
    assert not Task().diff(state(), {**INPUTS, "namespace": "other"}).delete_before_replace


def test_what_undoes_it_runs_when_it_goes(ran: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    Task().delete(state())
    assert ran == [{"r": 1}]

    def gone(*_: object) -> str:
        raise NamespaceMissingError("gone")

    monkeypatch.setattr(jobs, "run", gone)
    Task().delete(state())  # with the namespace everything in it went
