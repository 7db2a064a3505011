"""What Prometheus scrapes: a cluster, its poolers and its caches, as PodMonitor manifests. Pure.

Written out, since the Cluster's and the Pooler's own `enablePodMonitor` is deprecated (CloudNativePG 1.28,
docs/src/monitoring.md). Leave it off: each instance would be scraped twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.monitoring.args import Manifest, MonitoringArgs
from components.monitoring.selectors import pod_monitor_name

PORT = "metrics"
_DROPPED = "cnpg_(pg_stat_database|pg_database_size|pg_database_mxid)_.+;pr_[1-9][0-9]*(_.+)?"
"""Twenty series for each branch, which comes and goes; `cnpg_socle_branches_*` has what matters of them."""


def manifests(args: MonitoringArgs) -> tuple[Manifest, ...]:
    """One for the cluster, one for each pooler and each cache."""
    poolers = (_monitor(args, pooler, {"cnpg.io/poolerName": pooler}, {}) for pooler in args.poolers)
    caches = (_monitor(args, cache.name, cache.pod_labels, {}) for cache in args.caches)
    return (_cluster(args), *poolers, *caches)


def _cluster(args: MonitoringArgs) -> Manifest:
    dropped = {"sourceLabels": ["__name__", "datname"], "regex": _DROPPED, "action": "drop"}
    endpoint: dict[str, Any] = {"metricRelabelings": [dropped]}
    if args.metrics_tls:
        ca = {"secret": {"name": f"{args.cluster}-ca", "key": "ca.crt"}}
        endpoint |= {"scheme": "https", "tlsConfig": {"ca": ca, "serverName": f"{args.cluster}-rw"}}
    # A cluster's Jobs and poolers have its label too; instances alone say that they are some.
    labels = {"cnpg.io/cluster": args.cluster, "cnpg.io/podRole": "instance"}
    return _monitor(args, args.cluster, labels, endpoint)


def _monitor(args: MonitoringArgs, name: str, pods: Mapping[str, str], endpoint: Mapping[str, Any]) -> Manifest:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": pod_monitor_name(name), "namespace": args.namespace, "labels": dict(args.labels)},
        "spec": {"selector": {"matchLabels": dict(pods)}, "podMetricsEndpoints": [{"port": PORT, **endpoint}]},
    }
