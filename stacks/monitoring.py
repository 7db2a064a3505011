"""From an environment's settings to what monitoring is told. Pure."""

from __future__ import annotations

from components.kubernetes.manifests import labels
from components.monitoring.args import DAY, Backups, MonitoringArgs, RedisTarget, Thresholds
from stacks.kubernetes_settings import CloudNativePgServer, KubernetesCache
from stacks.settings import EnvironmentSettings


def monitoring_args(settings: EnvironmentSettings) -> MonitoringArgs | None:
    """What is watched, and how; None where the settings ask for no monitoring."""
    wanted, server = settings.monitoring, settings.server
    if wanted is None or not isinstance(server, CloudNativePgServer):
        return None
    branching = bool(settings.snapshots.image)
    return MonitoringArgs(
        cluster=server.name,
        namespace=server.namespace,
        instances=server.instances,
        runbooks=wanted.runbooks,
        volume_stats=wanted.volume_stats,
        certificates=wanted.certificates,
        caches=_caches(settings, server.namespace),
        backups=Backups.PLUGIN if server.backup else Backups.NONE,
        branching=branching,
        snapshots_of=tuple(settings.apps) if branching and settings.snapshots.schedule else (),
        # A day for a refresh that failed once.
        thresholds=Thresholds(snapshot_age_seconds=(settings.snapshots.max_age + 1) * DAY),
        labels=wanted.labels,
        dashboard_labels=wanted.dashboard_labels,
    )


def _caches(settings: EnvironmentSettings, namespace: str) -> tuple[RedisTarget, ...]:
    cache = settings.cache
    asked = any(app.cache for app in settings.apps.values())
    # Monitoring's objects lie beside the server; a cache elsewhere is watched by who runs it.
    if not asked or not isinstance(cache, KubernetesCache) or cache.namespace != namespace:
        return ()
    return (RedisTarget(name=cache.name, pod_labels=labels(cache.name, part_of="cache")),)
