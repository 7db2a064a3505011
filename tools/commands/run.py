"""`run`: a command once, in an application's image with its Secrets, in the cluster; nothing of it stays."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes.client import ApiException, CoreV1Api
from kubernetes.watch import Watch
from rich.console import Console

from components.kubernetes.access import connect
from components.kubernetes.manifests import labels
from components.workloads import manifests
from stacks.applications import variables_of
from stacks.cluster import require_cluster
from stacks.workload_plan import workload_plan
from tools import settings_file
from tools.errors import ToolError

console = Console(stderr=True, highlight=False)
START_SECONDS = 300


def run(application: str, env: str, command: str, tag: str) -> int:
    """Run `command`, show what it prints as it comes, and return its exit status. Raises ToolError, SettingsError."""
    settings = settings_file.environment(env)
    if settings.environment.kind != "kubernetes":
        raise ToolError(f"{env} runs no applications: there is no image to run it in", "make run ENV=dev APP=… CMD=…")
    app = settings.apps.get(application)
    if app is None or app.workload is None:
        there = ", ".join(name for name, one in settings.apps.items() if one.workload) or "none"
        raise ToolError(f"APP is “{application}”; applications with a workload in {env}: {there}", "make run APP=…")
    words = shlex.split(command)
    if not words:
        raise ToolError("CMD is empty", "make run APP=city-api CMD='alembic history'")
    namespace = app.namespace or application
    plan = workload_plan(
        app.workload,
        application=application,
        namespace=namespace,
        secrets=list(variables_of(application, app)),
        tag=tag,
    )
    core = CoreV1Api(connect(require_cluster(settings, env).context))
    pod = {
        "metadata": {"name": f"{application}-run-{uuid.uuid4().hex[:6]}", "labels": labels(part_of=application)},
        "spec": {"restartPolicy": "Never", **manifests.pod(plan, command=words, probes=False)},
    }
    with _made(core, namespace, pod) as name:
        return _followed(core, namespace, name)


@contextmanager
def _made(core: Any, namespace: str, pod: dict[str, Any]) -> Iterator[str]:
    name: str = pod["metadata"]["name"]
    try:
        core.create_namespaced_pod(namespace, pod)
    except ApiException as error:
        raise ToolError(f"The pod was refused: {error.reason}", f"make up, if {namespace} is not there") from None
    try:
        yield name
    finally:
        core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


def _followed(core: Any, namespace: str, name: str) -> int:
    """Show the pod's log while it runs; its exit status. Raises ToolError where it never starts."""
    with console.status(f"{name}: waiting for its start"):
        _started(core, namespace, name)
    for line in Watch().stream(core.read_namespaced_pod_log, name, namespace):
        print(line, flush=True)
    while True:
        ended = core.read_namespaced_pod_status(name, namespace).status.container_statuses[0].state.terminated
        if ended:
            return int(ended.exit_code)


def _started(core: Any, namespace: str, name: str) -> None:
    selector = f"metadata.name={name}"
    for event in Watch().stream(
        core.list_namespaced_pod, namespace, field_selector=selector, timeout_seconds=START_SECONDS
    ):
        status = event["object"].status
        for container in status.container_statuses or []:
            if container.state.running or container.state.terminated:
                return
            waiting = container.state.waiting
            if waiting and waiting.reason in ("ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError"):
                raise ToolError(f"{name} can't start: {waiting.reason}: {waiting.message}", "TAG=… names another image")
    raise ToolError(f"{name} did not start within {START_SECONDS} s", f"kubectl -n {namespace} describe pod {name}")
