"""Pods and Jobs, and what is wrong with them."""

from __future__ import annotations

from components.kubernetes.manifests import CHECKSUM
from tools.doctor.facts import Condition, FailedJob, Pod
from tools.doctor.gather.reader import Json, Reader, conditions_of

_NORMAL = frozenset({"ContainerCreating", "PodInitializing"})
"""Reasons for a container to wait that pass by themselves."""


def condition(found: Json) -> Condition:
    """One condition of an object."""
    return Condition(
        type=found["type"], status=found["status"], reason=found.get("reason") or "", message=found.get("message") or ""
    )


def pods(reader: Reader, namespace: str, selector: str) -> tuple[Pod, ...]:
    """The pods that the selector fits. Raises UnseenError."""
    found = reader.items(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)
    return tuple(_pod(reader, one) for one in found if not one["metadata"].get("deletionTimestamp"))


def _pod(reader: Reader, found: Json) -> Pod:
    meta, status = found["metadata"], found.get("status") or {}
    given = {one["type"]: one for one in conditions_of(found)}
    scheduled = given.get("PodScheduled", {})
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    reason, message = _waiting(containers)
    ready, restarts = given.get("Ready", {}).get("status") == "True", sum(one["restartCount"] for one in containers)
    return Pod(
        namespace=meta["namespace"],
        name=meta["name"],
        phase=status.get("phase", "Unknown"),
        ready=ready,
        unschedulable=scheduled.get("message", "") if scheduled.get("status") == "False" else "",
        waiting=reason,
        message=message,
        restarts=restarts,
        log="" if ready else _log(reader, meta["namespace"], meta["name"], restarts),
        labels=meta.get("labels") or {},
        checksum=(meta.get("annotations") or {}).get(CHECKSUM, ""),
    )


def _waiting(containers: list[Json]) -> tuple[str, str]:
    """Why a container isn't running: what it waits for, else how it last ended."""
    for one in containers:
        state = one.get("state") or {}
        waiting, ended = state.get("waiting"), state.get("terminated") or (one.get("lastState") or {}).get("terminated")
        if waiting and waiting.get("reason") not in _NORMAL:
            return waiting.get("reason", ""), waiting.get("message") or (_ending(ended) if ended else "")
        if ended and not one.get("ready") and ended.get("exitCode"):
            return ended.get("reason", "Error"), _ending(ended)
    return "", ""


def _ending(ended: Json) -> str:
    return f"last ended with {ended['exitCode']}, {ended.get('reason', '')}".rstrip(", ")


def _log(reader: Reader, namespace: str, pod: str, restarts: int) -> str:
    # Of one that has just begun again the former run says why.
    return (reader.log(namespace, pod, previous=True) if restarts else "") or reader.log(namespace, pod)


def failed_jobs(reader: Reader, namespace: str) -> list[FailedJob]:
    """Jobs of the namespace that failed. Raises UnseenError."""
    found = reader.items(f"/apis/batch/v1/namespaces/{namespace}/jobs")
    return [_job(reader, namespace, one, found) for one in found if _met(one, "Failed")]


def _job(reader: Reader, namespace: str, job: Json, every: list[Json]) -> FailedJob:
    failed, maker = _met(job, "Failed"), _maker(job)
    later = [
        one for one in every
        if maker and _maker(one) == maker and _met(one, "Complete") and _made(one) > _made(job)
    ]  # fmt: skip
    name = job["metadata"]["name"]
    return FailedJob(
        namespace=namespace,
        name=name,
        reason=f"{failed.get('reason', '')}: {failed.get('message', '')}".strip(": ") if failed else "",
        log="" if later else _last_log(reader, namespace, name),
        cron_job=maker,
        superseded=bool(later),
    )


def _last_log(reader: Reader, namespace: str, job: str) -> str:
    selector = f"batch.kubernetes.io/job-name={job}"
    its = reader.items(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)
    for pod in sorted(its, key=_made, reverse=True):
        if text := reader.log(namespace, pod["metadata"]["name"]):
            return text
    return ""


def _met(found: Json, kind: str) -> Json | None:
    return next((one for one in conditions_of(found) if one["type"] == kind and one["status"] == "True"), None)


def _maker(job: Json) -> str:
    owners = job["metadata"].get("ownerReferences") or []
    return next((one["name"] for one in owners if one["kind"] == "CronJob"), "")


def _made(found: Json) -> str:
    return str(found["metadata"]["creationTimestamp"])
