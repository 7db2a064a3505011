"""What monitoring is told about a server, its caches and its poolers. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object, as its YAML says it."""

HOUR = 3600
DAY = 24 * HOUR
GIB = 1024**3

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class Backups(Enum):
    """Who takes the server's backups, and so which metrics tell of them.

    It is not where they are kept, nor how often they are taken.
    """

    NONE = "none"
    """Nobody: no rule on backups or on WAL archiving."""
    PLUGIN = "plugin"
    """plugin-barman-cloud. The operator's own `cnpg_collector_*` metrics read 0 under it."""
    OPERATOR = "operator"
    """CloudNativePG itself, by volume snapshots or by its former barman support."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """When a rule fires. docs/monitoring.md says why these; a share is between 0 and 1.

    Raises:
        ValueError: a share that can't be reached, or a threshold that is always exceeded.
    """

    replication_lag_seconds: float = 60
    """How far behind a standby's data may be."""
    connections_share: float = 0.8
    """Of `max_connections`, and of a role's own limit."""
    long_transaction_seconds: float = 15 * 60
    copying_transaction_seconds: float = 4 * HOUR
    """For sessions that read a whole database at one moment, and so are long by their nature."""
    copying_applications: str = "pg_dump|socle branching"
    """The `application_name` of those sessions, a regular expression (RE2)."""
    transaction_id_age: float = 500e6
    """Transactions since a database was last frozen whole; PostgreSQL stops writing at 2.1e9."""
    slot_bytes: float = 4 * GIB
    """WAL that a replication slot may hold back."""
    volume_free_share: float = 0.2
    volume_free_share_critical: float = 0.1
    volume_full_within_seconds: float = DAY
    """A volume that will be full by then, if it goes on as in the last six hours."""
    wal_segments_waiting: float = 10
    """WAL files that wait for the archive; 16 MiB each unless the server says otherwise."""
    backup_age_seconds: float = 36 * HOUR
    """A daily backup, and half a day for one that is late."""
    first_backup_seconds: float = 2 * HOUR
    """How long a new server may be without a backup."""
    certificate_seconds: float = 5 * DAY
    """The operator renews seven days before the end: less than that is a renewal that failed."""
    snapshot_age_seconds: float = 2 * DAY
    """`snapshots.maxAge` and a day, for a refresh that failed once."""
    orphan_seconds: float = 6 * HOUR
    """How long the branch of a closed pull request may stay: a few runs of the sweep."""
    redis_memory_share: float = 0.9
    """Of `maxmemory`."""
    redis_evictions_per_second: float = 1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, str) and value <= 0:
                raise ValueError(f"{name} is {value}; it must be above 0, or the rule would always fire")
            if "share" in name and value >= 1:
                raise ValueError(f"{name} is {value}; it is a share, such as 0.8, and 1 could never be exceeded")


@dataclass(frozen=True, kw_only=True)
class RedisTarget:
    """One cache: the pods that have a redis_exporter beside them, in the server's namespace."""

    name: str
    pod_labels: Mapping[str, str]
    """What its pods are found by."""
    instances: int = 1

    def __post_init__(self) -> None:
        _require_name("a cache", self.name)
        if not self.pod_labels:
            raise ValueError(f"the cache {self.name} needs labels: none would select every pod of the namespace")
        _require_instances(self.name, self.instances)


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """One CloudNativePG cluster and what belongs to it.

    Raises:
        ValueError: a name that Kubernetes wouldn't take, or no instance.
    """

    cluster: str
    """The name of the CloudNativePG Cluster."""
    namespace: str
    """Where it lies; all of monitoring's objects lie there as well."""
    instances: int
    """As many as the Cluster asks for."""
    runbooks: str
    """The address under which `<slug>.md` of each rule is read, without a slash at its end."""
    backups: Backups = Backups.NONE
    volume_stats: bool = True
    """Whether the kubelet measures its volumes; it doesn't where they are plain folders of the node (local-path)."""
    certificates: bool = True
    """Whether x509-certificate-exporter runs, by which alone the certificates' end is known."""
    metrics_tls: bool = False
    """Whether the Cluster has `spec.monitoring.tls.enabled`."""
    poolers: tuple[str, ...] = ()
    """The names of its Poolers."""
    caches: tuple[RedisTarget, ...] = ()
    branching: bool = True
    """Whether snapshots and branches are made on it."""
    snapshots_of: tuple[str, ...] = ()
    """Applications that must have a snapshot. For others, none is as good as one."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    labels: Mapping[str, str] = field(default_factory=dict)
    """On each PodMonitor and PrometheusRule: what the Prometheus at hand selects by, such as `release`."""
    dashboard_labels: Mapping[str, str] = field(default_factory=lambda: {"grafana_dashboard": "1"})
    """What Grafana's sidecar selects dashboards by."""

    def __post_init__(self) -> None:
        _require_name("a cluster", self.cluster)
        _require_name("a namespace", self.namespace)
        _require_instances(self.cluster, self.instances)
        names = [self.cluster, *self.poolers, *(cache.name for cache in self.caches)]
        for name in names:
            _require_name("a pooler or a cache", name)
        doubles = sorted({name for name in names if names.count(name) > 1})
        if doubles:
            raise ValueError(
                f"the cluster, its poolers and caches need names of their own; twice: {', '.join(doubles)}"
            )


def _require_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of {what}: lower-case letters, digits and inner dashes, at most 63")


def _require_instances(name: str, instances: int) -> None:
    if instances < 1:
        raise ValueError(f"{name} has {instances} instances; at least 1 is needed")
