"""An application's Deployment and what stands around it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.kubernetes.manifests import (
    APPLICATION,
    TRUST,
    TRUST_FOLDER,
    Manifest,
    restricted,
    restricted_container,
    variables,
)

HTTP = "http"


@dataclass(frozen=True, kw_only=True)
class WorkloadPlan:
    """One application's pods."""

    application: str
    namespace: str
    image: str
    """With its tag or digest."""
    port: int
    health: str
    """Path that answers 200 while the application can do its work."""
    secrets: Sequence[str]
    """Whose keys are its environment variables."""
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    replicas: int = 1
    user: int = 65532
    """Uid; the image's own user where that isn't root."""
    command: Sequence[str] = ()
    """Empty: the image's."""
    environment: Mapping[str, str] | None = None
    """Further variables, which are no secrets."""
    writable: Sequence[str] = ("/tmp",)  # noqa: S108 - a folder of the container's own
    """Folders; the rest of the filesystem can't be written."""
    host: str = ""
    """Of its Ingress; empty for none."""
    ingress_class: str = ""
    tls_secret: str = ""
    """With the Ingress's certificate; empty for plain HTTP."""
    max_replicas: int = 0
    """0 for a fixed number."""
    cpu_percent: int = 0
    """Of what its pods ask for, on average, above which there are more."""

    @property
    def selected(self) -> dict[str, str]:
        """What its pods are found by."""
        return {APPLICATION: self.application}


def pod(plan: WorkloadPlan, *, command: Sequence[str] = (), probes: bool = True) -> Manifest:
    """The pod's spec; `command` in the place of what the application runs, for a migration say."""
    mounts = [{"name": "trust", "mountPath": TRUST_FOLDER, "readOnly": True}]
    volumes: list[Manifest] = [{"name": "trust", "configMap": {"name": TRUST}}]
    for number, folder in enumerate(plan.writable):
        mounts.append({"name": f"writable-{number}", "mountPath": folder})
        volumes.append({"name": f"writable-{number}", "emptyDir": {}})
    container: Manifest = {
        "name": "application",
        "image": plan.image,
        **({"command": list(command or plan.command)} if command or plan.command else {}),
        "envFrom": [{"secretRef": {"name": secret}} for secret in plan.secrets],
        "env": variables(plan.environment or {}),
        "resources": {"requests": dict(plan.requests), "limits": dict(plan.limits)},
        "securityContext": restricted_container(),
        "volumeMounts": mounts,
    }
    if probes:
        container |= {"ports": [{"name": HTTP, "containerPort": plan.port}], **_probes(plan)}
    return {
        "serviceAccountName": plan.application,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": restricted(plan.user),
        "containers": [container],
        "volumes": volumes,
    }


def deployment(plan: WorkloadPlan, *, annotations: Mapping[str, str]) -> Manifest:
    """The Deployment's spec; `annotations` are the pods', a change of which rolls them.

    A new pod answers before an old one goes, so that a roll-out is not felt.
    """
    return {
        # The autoscaler's number must not be taken back at every `up`.
        **({} if plan.max_replicas else {"replicas": plan.replicas}),
        "selector": {"matchLabels": plan.selected},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": plan.selected, "annotations": dict(annotations)}, "spec": pod(plan)},
    }


def service(plan: WorkloadPlan) -> Manifest:
    """The Service's spec."""
    return {"selector": plan.selected, "ports": [{"name": HTTP, "port": 80, "targetPort": HTTP}]}


def ingress(plan: WorkloadPlan) -> Manifest:
    """The Ingress's spec."""
    backend = {"service": {"name": plan.application, "port": {"name": HTTP}}}
    return {
        **({"ingressClassName": plan.ingress_class} if plan.ingress_class else {}),
        "rules": [{"host": plan.host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}],
        **({"tls": [{"hosts": [plan.host], "secretName": plan.tls_secret}]} if plan.tls_secret else {}),
    }


def disruption_budget(plan: WorkloadPlan) -> Manifest:
    """The PodDisruptionBudget's spec: one pod at a time."""
    return {"maxUnavailable": 1, "selector": {"matchLabels": plan.selected}}


def autoscaler(plan: WorkloadPlan) -> Manifest:
    """The HorizontalPodAutoscaler's spec (autoscaling/v2)."""
    target = {"type": "Utilization", "averageUtilization": plan.cpu_percent}
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": plan.application},
        "minReplicas": plan.replicas,
        "maxReplicas": plan.max_replicas,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }


def _probes(plan: WorkloadPlan) -> Manifest:
    def http(path: str) -> Manifest:
        return {"httpGet": {"path": path, "port": HTTP}, "timeoutSeconds": 5}

    return {
        "startupProbe": {**http(plan.health), "periodSeconds": 2, "failureThreshold": 90},
        "readinessProbe": {**http(plan.health), "periodSeconds": 5},
        # Not by health: a database that is away is no reason to restart who waits for it.
        "livenessProbe": {"tcpSocket": {"port": HTTP}, "periodSeconds": 20},
    }
