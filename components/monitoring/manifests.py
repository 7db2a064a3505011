"""All that monitoring puts into a cluster, and what the Cluster itself has to say for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.monitoring import branching_queries, dashboards, pod_monitor, postgres_queries, queries, rules
from components.monitoring.args import Manifest, MonitoringArgs
from components.monitoring.queries import Query

PARAMETERS: Mapping[str, str] = postgres_queries.PARAMETERS
"""For the Cluster's `spec.postgresql.parameters`: without them the panels on query time stay empty."""


def manifests(args: MonitoringArgs) -> tuple[Manifest, ...]:
    """Custom queries, scrape targets, rules and dashboards, in the order in which they can be made."""
    return (
        custom_queries(args),
        *pod_monitor.manifests(args),
        *rules.manifests(args),
        *dashboards.manifests(args),
    )


def custom_queries(args: MonitoringArgs) -> Manifest:
    """The ConfigMap of the exporter's queries."""
    return queries.config_map(_queries_name(args), args.namespace, queries_of(args))


def cluster_monitoring(args: MonitoringArgs) -> Mapping[str, Any]:
    """The Cluster's `spec.monitoring`; the operator refuses nothing here, so a wrong name would only be silent."""
    reference = {"name": _queries_name(args), "key": queries.KEY}
    tls = {"tls": {"enabled": True}} if args.metrics_tls else {}
    return {"customQueriesConfigMap": [reference], **tls}


def queries_of(args: MonitoringArgs) -> tuple[Query, ...]:
    """Which queries the server's exporter runs."""
    return (*postgres_queries.QUERIES, *(branching_queries.QUERIES if args.branching else ()))


def _queries_name(args: MonitoringArgs) -> str:
    return f"{args.cluster}-socle-queries"
