"""From an application's settings to its pods. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from components.workloads.manifests import WorkloadPlan
from stacks.kubernetes_settings import Resources
from stacks.workload_settings import Workload, image_reference


def workload_plan(
    settings: Workload, *, application: str, namespace: str, secrets: Sequence[str], tag: str = ""
) -> WorkloadPlan:
    """The pods, at `tag` where one is given."""
    scaling = settings.autoscaling
    return WorkloadPlan(
        application=application,
        namespace=namespace,
        image=image_reference(settings.image, tag) if tag else settings.reference,
        port=settings.port,
        health=settings.health,
        secrets=sorted(secrets),
        requests=requests(settings.resources),
        limits=limits(settings.resources),
        replicas=settings.replicas,
        user=settings.user,
        command=settings.command,
        writable=settings.writable,
        host=settings.host,
        ingress_class=settings.ingress_class,
        tls_secret=settings.tls_secret,
        max_replicas=scaling.max if scaling else 0,
        cpu_percent=scaling.cpu if scaling else 0,
    )


def in_pull_request(plan: WorkloadPlan, number: int) -> WorkloadPlan:
    """The same in a pull request: one pod, and `pr-123.city-api.example.org` for `city-api.example.org`."""
    return replace(
        plan, replicas=1, max_replicas=0, host=f"pr-{number}.{plan.host}" if plan.host else "", tls_secret=""
    )


def requests(resources: Resources) -> dict[str, str]:
    """What a container asks for."""
    return {"cpu": resources.cpu_request, "memory": resources.memory_request}


def limits(resources: Resources) -> dict[str, str]:
    """What a container may use."""
    return {"cpu": resources.cpu_limit, "memory": resources.memory_limit}
