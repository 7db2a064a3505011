"""The server that the monitoring tests watch: one with everything."""

from __future__ import annotations

from components.monitoring.args import Backups, MonitoringArgs, RedisTarget
from components.monitoring.rule import Alert
from components.monitoring.rules import groups

EVERYTHING = MonitoringArgs(
    cluster="shared",
    namespace="databases",
    instances=3,
    runbooks="https://example.org/docs/runbooks",
    backups=Backups.PLUGIN,
    metrics_tls=True,
    poolers=("shared-rw",),
    caches=(RedisTarget(name="cache", pod_labels={"app": "cache"}, instances=2),),
    snapshots_of=("city-api", "docspell"),
    labels={"release": "prometheus"},
)


def alerts(args: MonitoringArgs = EVERYTHING) -> tuple[Alert, ...]:
    """Every rule."""
    return tuple(alert for group in groups(args) for alert in group.alerts)
