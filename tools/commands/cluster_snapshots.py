"""`snapshot` and `refresh` of an environment on Kubernetes: its CronJobs' work, now."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from kubernetes.client import ApiException, BatchV1Api
from rich.console import Console

from components.kubernetes.access import connect
from stacks.cluster import require_cluster
from stacks.kubernetes_settings import CloudNativePgServer
from stacks.settings import EnvironmentSettings
from stacks.snapshots import cron_job
from tools.ages import size
from tools.errors import ToolError
from tools.kubernetes import jobs

console = Console(stderr=True, highlight=False)
TIMEOUT_SECONDS = 6 * 3600
_AGE = "--max-age-hours"
_EVER_HOURS = 1_000_000


def make(application: str, env: str, settings: EnvironmentSettings, content: str) -> None:
    """A new snapshot of the application, whatever the age of the newest one. Raises ToolError."""
    _run(application, env, settings, partial(arguments, content=content, hours=0))


def ensure(applications: Iterable[str], env: str, settings: EnvironmentSettings, content: str) -> None:
    """A first snapshot of each application that has none of that content. Raises ToolError."""
    for application in applications:
        _run(application, env, settings, partial(arguments, content=content, hours=_EVER_HOURS))


def refresh(env: str, settings: EnvironmentSettings) -> None:
    """What the CronJobs do, now: a new snapshot of each application whose newest one is too old. Raises ToolError."""
    failed = []
    for application in settings.apps:
        try:
            _run(application, env, settings, list)
        except ToolError as error:
            console.print(f"[red]✗[/] {error}", soft_wrap=True)
            failed.append(application)
    if failed:
        raise ToolError(f"No new snapshot of {', '.join(failed)}; the old ones are as they were", "make refresh")


def _run(application: str, env: str, settings: EnvironmentSettings, change: Callable[[list[str]], list[str]]) -> None:
    server = settings.server
    assert isinstance(server, CloudNativePgServer)  # noqa: S101 - the only server of this kind
    client = connect(require_cluster(settings, env).context)
    pod = _template(client, application, env, server.namespace)
    container = pod["containers"][0]
    container["args"] = change(container["args"])
    job = jobs.Job(
        namespace=server.namespace, name=f"{cron_job(application)}-now", pod=pod, timeout_seconds=TIMEOUT_SECONDS
    )
    with console.status(f"{application}: a snapshot, in the cluster"):
        try:
            said = jobs.run(client, job, console.print)
        except jobs.JobError as error:
            raise ToolError(f"No snapshot of {application}: {error}", "what it said stands above") from None
    if not said:
        raise ToolError("The image of branching doesn't say what it made: it is older than this program",
                        f"another image in socle:snapshots, then make up ENV={env}")  # fmt: skip
    _tell(application, json.loads(said))


def arguments(given: list[str], content: str, hours: int) -> list[str]:
    """The CronJob's arguments with another content, and another age below which nothing is made; 0 for none. Pure."""
    at = given.index(_AGE)
    kept = [*given[:at], *given[at + 2 :]]
    kept[kept.index("--content") + 1] = content
    return [*kept, _AGE, str(hours)] if hours else kept


def _template(client: Any, application: str, env: str, namespace: str) -> dict[str, Any]:
    try:
        found = BatchV1Api(client).read_namespaced_cron_job(cron_job(application), namespace)
    except ApiException as error:
        if error.status != 404:
            raise
        raise ToolError(
            f"{env} makes no snapshots of {application}: CronJob {namespace}/{cron_job(application)} is not there",
            "socle:snapshots: {image: …} and the application in Pulumi." + env + f".yaml, then make up ENV={env}",
        ) from None
    pod: dict[str, Any] = client.sanitize_for_serialization(found.spec.job_template.spec.template.spec)
    return pod


def _tell(application: str, report: dict[str, Any]) -> None:
    which = f"{application}: snapshot v{report['version']}, data of {report['taken_at'][:16]}"
    if not report["made"]:
        console.print(f"{which}: young enough")
        return
    console.print(f"[green]✓[/] {which}, {report['rows']:,} rows, {size(report['bytes'])}, {report['seconds']:.1f} s")
