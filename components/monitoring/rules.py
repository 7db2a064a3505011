"""The alerting rules of a server and what stands beside it, as PrometheusRule manifests. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from components.monitoring import rules_branching, rules_clients, rules_postgres, rules_storage
from components.monitoring.args import Manifest, MonitoringArgs
from components.monitoring.rule import Group
from components.monitoring.selectors import pod_monitor_name


def groups(args: MonitoringArgs) -> tuple[Group, ...]:
    """All rules, by what they watch; a group without a rule is left out.

    Each alert says in `server` which Cluster it is about, and in `pooler` or `cache` what beside it: where a rule
    counts, nothing else would tell.
    """
    return tuple(group for group in _groups(args) if group.alerts)


def manifests(args: MonitoringArgs) -> tuple[Manifest, ...]:
    """One PrometheusRule with all groups."""
    return (
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {
                "name": pod_monitor_name(args.cluster),
                "namespace": args.namespace,
                "labels": dict(args.labels),
            },
            "spec": {"groups": [group.to_plain(args.runbooks) for group in groups(args)]},
        },
    )


def _groups(args: MonitoringArgs) -> Iterator[Group]:
    server = {"namespace": args.namespace, "server": args.cluster}
    of_server = {
        "postgres": rules_postgres.alerts(args),
        "volumes": rules_storage.volume_alerts(args),
        "backups": rules_storage.backup_alerts(args),
        "certificates": rules_storage.certificate_alerts(args),
        "branching": rules_branching.alerts(args),
    }
    for name, alerts in of_server.items():
        yield Group(name=f"socle-{name}", alerts=alerts, labels=server)
    for pooler in args.poolers:
        yield Group(
            name=f"socle-pooler-{pooler}",
            alerts=rules_clients.pooler_alerts(args, pooler),
            labels={**server, "pooler": pooler},
        )
    for cache in args.caches:
        yield Group(
            name=f"socle-cache-{cache.name}",
            alerts=rules_clients.cache_alerts(args, cache),
            labels={**server, "cache": cache.name},
        )
