"""The pods that prove a restore, in the image of restoring/Dockerfile, and the drill's throw-away cluster. Pure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.kubernetes.manifests import (
    Manifest,
    labels,
    restricted,
    restricted_container,
    secret_variable,
    variables,
)
from components.postgres import cnpg_manifests as cnpg
from components.postgres.archive import Origin, store_variables
from components.postgres.cnpg_manifests import ClusterPlan
from components.postgres.heartbeat import TOLERANCE_SECONDS
from components.postgres.script_pod import ServerAccess
from restoring.plan import VARIABLE
from restoring.throw_away import GROUP, LABEL, PLURAL

UID = 65532
"""Of the image's user."""
REMOVAL_SECONDS = 420
"""How long a drill that is ended may take to remove its cluster."""


@dataclass(frozen=True, kw_only=True)
class DrillPlan:
    """A drill of one cluster."""

    cluster: ClusterPlan
    """The one whose backups are tried."""
    origin: Origin
    image: str
    schedule: str
    timeout_seconds: int
    freshness_seconds: int
    databases: Mapping[str, str]
    """Name → a query that has to answer true, or nothing."""
    superuser_secret: str
    """Basic-auth, of the throw-away cluster."""
    account: str

    @property
    def name(self) -> str:
        """Of the throw-away cluster, the CronJob and the ConfigMap with the result."""
        return f"{self.cluster.name}-drill"


def proof(
    what: str, origin: Origin, *, image: str, account: str, server: ServerAccess | None = None, began: str = ""
) -> Manifest:
    """The pod's spec that says `before` a restore whether it can reach its target, or `after` it whether it has."""
    return _pod(what, {**_restore(origin), **({"began": began} if began else {})}, origin, image, account, server)


def drill_cluster(plan: DrillPlan) -> Manifest:
    """The throw-away Cluster: one instance as the real one's, which writes to no archive."""
    small = dataclasses.replace(
        plan.cluster, name=plan.name, instances=1, synchronous=0, spread=False, roles=(), archive=None,
        origin=plan.origin, superuser_secret=plan.superuser_secret,
    )  # fmt: skip
    made = cnpg.cluster(small)
    given = {**labels(plan.name, part_of="postgresql"), LABEL: "true"}
    return {**made, "metadata": {"name": plan.name, "namespace": small.namespace, "labels": given}}


def drill_job(plan: DrillPlan) -> Manifest:
    """The CronJob's metadata and spec."""
    document = {
        "restore": _restore(plan.origin),
        "cluster": drill_cluster(plan),
        "report": plan.name,
        "databases": dict(plan.databases),
        "timeoutSeconds": plan.timeout_seconds,
        "freshnessSeconds": plan.freshness_seconds,
    }
    server = ServerAccess(
        host=f"{plan.name}-rw.{plan.cluster.namespace}.svc",
        image=plan.image,
        superuser_secret=plan.superuser_secret,
        authority_secret=plan.cluster.authority_secret,
    )
    pod = _pod("drill", document, plan.origin, plan.image, plan.account, server)
    given = labels(plan.name, part_of="postgresql")
    spec = {
        **pod,
        "restartPolicy": "Never",
        "automountServiceAccountToken": True,
        "terminationGracePeriodSeconds": REMOVAL_SECONDS,
    }
    return {
        "metadata": {"name": plan.name, "namespace": plan.cluster.namespace, "labels": given},
        "spec": {
            "schedule": plan.schedule,
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 0,
                    # The restore, and as long again to read what came back.
                    "activeDeadlineSeconds": 2 * plan.timeout_seconds + REMOVAL_SECONDS,
                    "template": {"metadata": {"labels": given}, "spec": spec},
                }
            },
        },
    }


def drill_rules(plan: DrillPlan) -> list[dict[str, Any]]:
    """The least that a drill may do. What is made can't be limited by name; what is read and deleted can."""
    return [
        {"apiGroups": [GROUP], "resources": [PLURAL], "verbs": ["create"]},
        {"apiGroups": [GROUP], "resources": [PLURAL], "resourceNames": [plan.name], "verbs": ["get", "delete"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [plan.name], "verbs": ["get", "patch"]},
    ]


def _restore(origin: Origin) -> dict[str, Any]:
    target: dict[str, str] = {"kind": "end"}
    if origin.backup:
        target = {"kind": "backup", "backup": origin.backup}
    elif origin.point_in_time:
        target = {"kind": "time", "time": origin.point_in_time.isoformat()}
    return {
        "destination": origin.store.destination,
        "endpoint": origin.store.endpoint,
        "serverName": origin.server_name,
        "target": target,
        "toleranceSeconds": TOLERANCE_SECONDS,
    }


def _pod(
    what: str, document: Mapping[str, Any], origin: Origin, image: str, account: str, server: ServerAccess | None
) -> Manifest:
    plain = {VARIABLE: json.dumps(document, sort_keys=True)}
    login: list[Manifest] = []
    if server:
        plain |= {
            "PGHOST": server.host,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": "/ca/ca.crt",
            "PGCONNECT_TIMEOUT": "5",
        }
        login = [
            secret_variable("PGUSER", server.superuser_secret, "username"),
            secret_variable("PGPASSWORD", server.superuser_secret, "password"),
        ]
    mounts = [{"name": "ca", "mountPath": "/ca", "readOnly": True}] if server else []
    container = {
        "name": "restoring",
        "image": image,
        "args": [what],
        "env": [*variables(plain), *store_variables(origin.store), *login],
        "resources": {"requests": {"cpu": "10m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": restricted_container(),
        "volumeMounts": mounts,
    }
    return {
        "serviceAccountName": account,
        "securityContext": restricted(UID),
        "containers": [container],
        "volumes": [server.authority_volume] if server else [],
    }
