"""Runs a Job to its end: whatever is left of an earlier one goes first, and a failure tells what the pod said."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubernetes.client import ApiException, BatchV1Api, CoreV1Api

from components.kubernetes.manifests import labels

SCRIPT_REFUSED = 3
"""psql's exit status where a statement failed: the next attempt would fail alike."""
FINAL = 65
"""A pod's own word that trying again is of no use: EX_DATAERR, as restoring has it."""
KEPT_SECONDS = 3600
"""How long a failed Job can be looked at."""
_LOOK_SECONDS = 0.5
_LOG_LINES = 30
_NORMAL = frozenset({"ContainerCreating", "PodInitializing"})
"""Reasons for a container to wait that pass by themselves."""


class JobError(Exception):
    """The Job failed or took too long: what is known of why."""


class NamespaceMissingError(JobError):
    """The namespace to run it in isn't there."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One Job."""

    namespace: str
    name: str
    pod: dict[str, Any]
    """The pod's spec."""
    timeout_seconds: int
    attempts: int = 1


def run(client: Any, job: Job, tell: Callable[[str], None]) -> str:
    """Run the Job to its end and remove it; `tell` hears what keeps it waiting. A failed one stays to be looked at.

    Returns:
        What its pod wrote to the termination log.

    Raises:
        JobError: it failed or took too long.
    """
    batch = BatchV1Api(client)
    _remove(batch, job)
    try:
        batch.create_namespaced_job(job.namespace, manifest(job))
    except ApiException as error:
        if error.status == 404:
            raise NamespaceMissingError(f"Job {job.name}: there is no namespace {job.namespace}") from None
        raise JobError(f"Job {job.namespace}/{job.name} was refused: {_reason(error)}") from None
    try:
        _wait(client, batch, job, tell)
        message = _message(CoreV1Api(client), job)
    except ApiException as error:
        raise JobError(f"Job {job.namespace}/{job.name}: {_reason(error)}") from None
    _remove(batch, job)
    return message


def manifest(job: Job) -> dict[str, Any]:
    """The Job as Kubernetes takes it."""
    pod = {"restartPolicy": "Never", "automountServiceAccountToken": False, **job.pod}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job.name, "namespace": job.namespace, "labels": labels(job.name)},
        "spec": {
            "backoffLimit": job.attempts - 1,
            "podFailurePolicy": {
                "rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [SCRIPT_REFUSED, FINAL]}}]
            },
            "activeDeadlineSeconds": job.timeout_seconds,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {"metadata": {"labels": labels(job.name)}, "spec": pod},
        },
    }


def _wait(client: Any, batch: BatchV1Api, job: Job, tell: Callable[[str], None]) -> None:
    core, said = CoreV1Api(client), ""
    # The server ends it at its own limit; this one is for a server that doesn't.
    end = time.monotonic() + job.timeout_seconds + 30
    while time.monotonic() < end:
        conditions = batch.read_namespaced_job_status(job.name, job.namespace).status.conditions or []
        met = {one.type: one for one in conditions if one.status == "True"}
        if "Complete" in met:
            return
        if "Failed" in met:
            raise JobError(f"Job {job.namespace}/{job.name} failed ({met['Failed'].reason}){log(core, job)}")
        waiting = _waiting(core, job)
        if waiting and waiting != said:
            tell(f"{job.name}: {waiting}")
            said = waiting
        time.sleep(_LOOK_SECONDS)
    raise JobError(f"Job {job.namespace}/{job.name} did not end within {job.timeout_seconds} s{log(core, job)}")


def _pods(core: CoreV1Api, job: Job) -> list[Any]:
    selector = f"batch.kubernetes.io/job-name={job.name}"
    found = core.list_namespaced_pod(job.namespace, label_selector=selector).items
    return sorted(found, key=lambda pod: pod.metadata.creation_timestamp)


def _message(core: CoreV1Api, job: Job) -> str:
    for pod in reversed(_pods(core, job)):
        for status in pod.status.container_statuses or []:
            ended = status.state.terminated
            if ended and ended.exit_code == 0:
                return ended.message or ""
    return ""


def _waiting(core: CoreV1Api, job: Job) -> str:
    """What keeps the newest pod from running, where it is nothing that passes by itself."""
    pods = _pods(core, job)
    if not pods:
        return ""
    for status in pods[-1].status.container_statuses or []:
        waiting = status.state.waiting
        if waiting and waiting.reason not in _NORMAL:
            return f"{waiting.reason}: {waiting.message or status.image}"
    for condition in pods[-1].status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return f"{condition.reason}: {condition.message}"
    return ""


def log(core: CoreV1Api, job: Job) -> str:
    """What the last pod that said anything said at its end, as further lines of a message; empty where none did."""
    for pod in reversed(_pods(core, job)):
        try:
            text = core.read_namespaced_pod_log(pod.metadata.name, job.namespace, tail_lines=_LOG_LINES)
        except ApiException:
            continue  # it never started
        if text.strip():
            return ":\n" + text.strip()
    waiting = _waiting(core, job)
    return f": {waiting}" if waiting else ""


def _remove(batch: BatchV1Api, job: Job) -> None:
    """Remove a Job of that name with its pods, and see them gone: two at once would do the same work."""
    for _ in range(240):
        try:
            batch.delete_namespaced_job(
                job.name, job.namespace, propagation_policy="Foreground", grace_period_seconds=0
            )
        except ApiException as error:
            if error.status == 404:
                return
            raise JobError(f"Job {job.namespace}/{job.name} can't be removed: {_reason(error)}") from None
        time.sleep(_LOOK_SECONDS)
    raise JobError(f"Job {job.namespace}/{job.name} is left from an earlier run and does not go")


def _reason(error: ApiException) -> str:
    import json

    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return f"{error.status} {error.reason}"
