"""Which series belong to a server, a pooler or a cache, as PromQL label matchers. Pure.

By `job` and not by the pod's name: a job is one PodMonitor of ours, so that nothing is counted twice where another
PodMonitor scrapes the same pods.
"""

from __future__ import annotations

from components.monitoring.args import MonitoringArgs


def pod_monitor_name(name: str) -> str:
    """The PodMonitor of a cluster, pooler or cache; the operator's own, deprecated one has the bare name."""
    return f"socle-{name}"


def job(args: MonitoringArgs, name: str) -> str:
    """`job="databases/socle-shared"`: what the Prometheus operator calls the targets of a PodMonitor."""
    return f'job="{args.namespace}/{pod_monitor_name(name)}"'


def server(args: MonitoringArgs) -> str:
    """All series of the server's instances."""
    return job(args, args.cluster)


def volumes(args: MonitoringArgs) -> str:
    """The kubelet's series of its volumes: data, WAL and tablespaces are `<cluster>-<n>`, `-wal` and `-tbs-<name>`."""
    return f'namespace="{args.namespace}",persistentvolumeclaim=~"{args.cluster}-[0-9]+(-wal|-tbs-.+)?"'


def certificates(args: MonitoringArgs) -> str:
    """x509-certificate-exporter's series of the secrets that the operator makes for a cluster and its poolers."""
    return f'secret_namespace="{args.namespace}",secret_name=~"{args.cluster}-(ca|server|replication|pooler)"'
