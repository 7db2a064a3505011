"""Which dashboards there are, as ConfigMaps for Grafana's sidecar. Pure."""

from __future__ import annotations

from components.monitoring import dashboard_branching, dashboard_postgres, dashboard_redis
from components.monitoring.args import Manifest, MonitoringArgs
from components.monitoring.dashboard import Dashboard, config_map

ALL: tuple[Dashboard, ...] = (dashboard_postgres.DASHBOARD, dashboard_redis.DASHBOARD, dashboard_branching.DASHBOARD)


def chosen(args: MonitoringArgs) -> tuple[Dashboard, ...]:
    """Those that have something to show: none for a cache or for branching where there isn't any."""
    redis = (dashboard_redis.DASHBOARD,) if args.caches else ()
    branching = (dashboard_branching.DASHBOARD,) if args.branching else ()
    return (dashboard_postgres.DASHBOARD, *redis, *branching)


def manifests(args: MonitoringArgs) -> tuple[Manifest, ...]:
    """One ConfigMap each. They show whatever server the viewer chooses; the cluster's name only keeps them apart."""
    return tuple(
        config_map(f"{args.cluster}-{one.uid}", args.namespace, args.dashboard_labels, one) for one in chosen(args)
    )
