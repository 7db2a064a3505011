"""One Valkey or Redis in a Kubernetes cluster, with TLS, persistence, ACL users and an exporter. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.kubernetes.manifests import (
    Manifest,
    labels,
    restricted,
    restricted_container,
    secret_variable,
    variables,
)
from components.postgres.cnpg_manifests import Volume, in_mebibytes

PORT, METRICS_PORT = 6379, 9121
UID = 999
"""Of `valkey` and `redis` in the official images."""
ADMIN, EXPORTER = "socle-admin", "socle-exporter"
EXPORTER_RULES = (
    "-@all +ping +hello +auth +info +config|get +latency|latest +latency|histogram +slowlog|len +slowlog|get "
    "+client|setname +client|list +cluster|info"
)
"""What https://github.com/oliver006/redis_exporter asks a server of itself; of keys it sees none."""
_MEMORY_SHARE = 0.75
"""Of the container's limit; the rest is for connections, the copy that a rewrite of the file needs, and the process."""

_PREPARE = rf"""set -eu
umask 077
acl=/data/users.acl
touch "$acl"
# What the applications' users may is kept; the server's own users are what their Secret says now.
grep -v -e '^user default ' -e '^user {ADMIN} ' -e '^user {EXPORTER} ' "$acl" > "$acl.new" || true
echo 'user default off resetkeys resetchannels -@all' >> "$acl.new"
echo "user {ADMIN} on #$ADMIN_HASH ~* &* +@all" >> "$acl.new"
echo "user {EXPORTER} on #$EXPORTER_HASH {EXPORTER_RULES}" >> "$acl.new"
mv "$acl.new" "$acl"
"""


@dataclass(frozen=True, kw_only=True)
class CachePlan:
    """One cache server."""

    name: str
    namespace: str
    engine: str
    """`valkey` or `redis`: how the programs in the image are called."""
    image: str
    exporter_image: str
    storage: Volume
    requests: Mapping[str, str]
    limits: Mapping[str, str]

    @property
    def selected(self) -> dict[str, str]:
        """What its pod is found by."""
        return labels(self.name, part_of="cache")

    @property
    def secret(self) -> str:
        """The Secret with `admin-password`, `exporter-password` and the hash of each."""
        return f"{self.name}-logins"

    @property
    def certificate_secret(self) -> str:
        """The Secret with `tls.crt`, `tls.key` and `ca.crt`."""
        return f"{self.name}-tls"

    @property
    def hosts(self) -> tuple[str, ...]:
        """What the certificate has to name, the one that applications use first."""
        base = f"{self.name}.{self.namespace}.svc"
        return base, f"{base}.cluster.local", "localhost"


def configuration(plan: CachePlan) -> str:
    """The server's configuration file.

    Every write is in the file within a second. What has a time to live may be evicted when memory is short, and nothing
    else: an application that keeps more is told by an error, and an alarm before that.
    """
    memory = int(in_mebibytes(plan.limits["memory"]) * _MEMORY_SHARE)
    lines = (
        "port 0",
        f"tls-port {PORT}",
        "tls-cert-file /tls/tls.crt",
        "tls-key-file /tls/tls.key",
        "tls-ca-cert-file /tls/ca.crt",
        "tls-auth-clients no",
        "dir /data",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "aclfile /data/users.acl",
        f"maxmemory {memory}mb",
        "maxmemory-policy volatile-lru",
    )
    return "\n".join(lines) + "\n"


def service(plan: CachePlan) -> Manifest:
    """The Service's spec."""
    ports = [
        {"name": "redis", "port": PORT, "targetPort": "redis"},
        {"name": "metrics", "port": METRICS_PORT, "targetPort": "metrics"},
    ]
    return {"selector": plan.selected, "ports": ports}


def stateful_set(plan: CachePlan, *, annotations: Mapping[str, str]) -> Manifest:
    """The StatefulSet's spec; `annotations` are the pod's, a change of which restarts it."""
    selected = plan.selected
    return {
        "serviceName": plan.name,
        "replicas": 1,
        "selector": {"matchLabels": selected},
        "template": {
            "metadata": {"labels": selected, "annotations": dict(annotations)},
            "spec": {
                "automountServiceAccountToken": False,
                "securityContext": restricted(UID),
                "initContainers": [_prepare(plan)],
                "containers": [_server(plan), _exporter(plan)],
                "volumes": [
                    {"name": "config", "configMap": {"name": plan.name}},
                    {"name": "tls", "secret": {"secretName": plan.certificate_secret}},
                ],
            },
        },
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "data"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": plan.storage.size}},
                    **({"storageClassName": plan.storage.storage_class} if plan.storage.storage_class else {}),
                },
            }
        ],
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }


def _prepare(plan: CachePlan) -> Manifest:
    return {
        "name": "users",
        "image": plan.image,
        "command": ["sh", "-c", _PREPARE],
        "env": [
            secret_variable("ADMIN_HASH", plan.secret, "admin-hash"),
            secret_variable("EXPORTER_HASH", plan.secret, "exporter-hash"),
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": restricted_container(),
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }


def _server(plan: CachePlan) -> Manifest:
    probe = {"tcpSocket": {"port": "redis"}, "periodSeconds": 5}
    return {
        "name": plan.engine,
        "image": plan.image,
        "command": [f"{plan.engine}-server", "/etc/cache/server.conf"],
        "ports": [{"name": "redis", "containerPort": PORT}],
        "resources": {"requests": dict(plan.requests), "limits": dict(plan.limits)},
        "startupProbe": {**probe, "failureThreshold": 60},
        "readinessProbe": probe,
        "livenessProbe": {**probe, "periodSeconds": 20},
        "securityContext": restricted_container(),
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "config", "mountPath": "/etc/cache", "readOnly": True},
            {"name": "tls", "mountPath": "/tls", "readOnly": True},
        ],
    }


def _exporter(plan: CachePlan) -> Manifest:
    settings = {
        "REDIS_ADDR": f"rediss://localhost:{PORT}",
        "REDIS_USER": EXPORTER,
        "REDIS_EXPORTER_TLS_CA_CERT_FILE": "/tls/ca.crt",
        "REDIS_EXPORTER_WEB_LISTEN_ADDRESS": f":{METRICS_PORT}",
    }
    return {
        "name": "exporter",
        "image": plan.exporter_image,
        "env": [*variables(settings), secret_variable("REDIS_PASSWORD", plan.secret, "exporter-password")],
        "ports": [{"name": "metrics", "containerPort": METRICS_PORT}],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": restricted_container(),
        "volumeMounts": [{"name": "tls", "mountPath": "/tls", "readOnly": True}],
    }
