"""Typed settings of environments on Kubernetes: the cluster, its PostgreSQL, cache and documents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stacks.backup_settings import Backup, Drill, RestoreFrom
from stacks.base import DnsLabel, Model, Quantity, Size, Text


class KubernetesCluster(Model):
    """Which Kubernetes cluster is meant."""

    context: str = ""
    """Of the kubeconfig; empty is its current one."""
    identity: str = ""
    """The uid of its namespace kube-system, without which nothing is changed in it."""
    create_namespaces: bool = True
    """False where something else makes the namespaces: they have to be there."""


class Storage(Model):
    """A volume for each instance."""

    size: Size = "20Gi"
    class_name: str = ""
    """Empty: the cluster's default."""


class Resources(Model):
    """What one instance asks for, and what it may use."""

    cpu_request: Quantity = "100m"
    memory_request: Size = "256Mi"
    cpu_limit: Quantity = "500m"
    memory_limit: Size = "512Mi"


SMALL = Resources.model_validate({"cpuRequest": "50m", "memoryRequest": "64Mi", "memoryLimit": "256Mi"})


class CloudNativePgServer(Model):
    """A CloudNativePG cluster that many applications share."""

    type: Literal["cloudnativepg"] = "cloudnativepg"
    name: DnsLabel = "postgresql-shared"
    namespace: DnsLabel = "databases"
    version: str = Field(default="17.6", pattern=r"^1[5-8](\.\d+)?$", examples=["17.6"])
    image: str = ""
    """Empty: CloudNativePG's own of that version."""
    instances: int = Field(default=1, ge=1, le=9)
    synchronous: int | None = Field(default=None, ge=0, le=8, examples=[1])
    """Standbys that must have a commit before it is acknowledged; None is one from three instances on."""
    spread: bool = False
    """Whether instances must not share a node."""
    protect: bool = True
    """Whether `destroy` leaves it and its namespace alone."""
    storage: Storage = Storage()
    wal_storage: Storage | None = None
    """None keeps the write-ahead log on the same volume."""
    resources: Resources = Resources()
    parameters: dict[str, Text] = Field(default_factory=dict)
    backup: Backup | None = None
    restore_from: RestoreFrom | None = None
    drill: Drill | None = None
    restoring_image: str = ""
    """Of restoring/Dockerfile."""

    @property
    def archive_name(self) -> str:
        """The folder that it archives to."""
        return (self.backup.server_name if self.backup else None) or self.name

    @property
    def major(self) -> int:
        """PostgreSQL's major version."""
        return int(self.version.split(".")[0])

    @property
    def image_name(self) -> str:
        """The image of every instance."""
        return self.image or f"ghcr.io/cloudnative-pg/postgresql:{self.version}"

    @property
    def synchronous_standbys(self) -> int:
        """The number in force."""
        return self.synchronous if self.synchronous is not None else int(self.instances >= 3)


OFFICIAL_CACHES = {"valkey": "docker.io/valkey/valkey:8.1", "redis": "docker.io/library/redis:8.0"}


class KubernetesCache(Model):
    """Valkey or Redis in the cluster, which many applications share."""

    type: Literal["kubernetes"] = "kubernetes"
    engine: Literal["valkey", "redis"] = "valkey"
    name: DnsLabel = "cache"
    namespace: DnsLabel = "databases"
    image: str = ""
    """Empty: the engine's official one."""
    exporter_image: str = "docker.io/oliver006/redis_exporter:v1.74.0"
    storage: Storage = Storage.model_validate({"size": "1Gi"})
    resources: Resources = SMALL

    @property
    def image_name(self) -> str:
        """The server's image."""
        return (
            self.image or {"valkey": "docker.io/valkey/valkey:8.1", "redis": "docker.io/library/redis:8.0"}[self.engine]
        )


class Monitoring(Model):
    """What watches the servers: the objects that a Prometheus operator and a Grafana pick up."""

    runbooks: str = Field(pattern=r"^https?://\S+[^/]$", examples=["https://git.example.org/socle/docs/runbooks"])
    """The address under which `<rule>.md` is read."""
    labels: dict[str, Text] = Field(default_factory=dict, examples=["{release: prometheus}"])
    """Of each PodMonitor and PrometheusRule: what the Prometheus at hand selects by."""
    dashboard_labels: dict[str, Text] = Field(default_factory=lambda: {"grafana_dashboard": "1"})
    volume_stats: bool = True
    certificates: bool = False
    """Whether x509-certificate-exporter runs, by which alone the certificates' end is known."""


class FerretDocuments(Model):
    """FerretDB over each application's own database, in the cluster."""

    type: Literal["ferretdb"] = "ferretdb"
    image: str = "ghcr.io/ferretdb/ferretdb:1.24.2"
    resources: Resources = SMALL
