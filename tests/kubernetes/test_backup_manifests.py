"""Kubernetes takes each manifest of backups, restores and drills, and knows every field in it: a dry run."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from typing import Any

import pytest

from components.postgres import backup_manifests, cnpg_manifests, heartbeat, restore_pods
from components.postgres.archive import Archive, Origin, Store
from components.postgres.cnpg_manifests import ClusterPlan, Volume
from components.postgres.restore_pods import DrillPlan
from components.postgres.script_pod import ServerAccess
from tests.kubernetes.support import Cluster
from tools.kubernetes import kubectl
from tools.kubernetes.jobs import Job, manifest

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("with_backups")]

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
STORE = Store(
    name="shared-archive", namespace="default", destination="s3://backups/dev", endpoint="https://minio.example.org",
    keys=("accessKey", "secretKey", "region"),
)  # fmt: skip
BY_ROLE = Store(name="shared-archive", namespace="default", destination="s3://backups/dev")
ORIGINS = (
    Origin(store=STORE, server_name="old"),
    Origin(store=STORE, server_name="old", point_in_time=NOON),
    Origin(store=STORE, server_name="old", backup="20261121T120000"),
)
SERVER = ServerAccess(host="shared-rw", image="i", superuser_secret="s", authority_secret="a")


def cluster_plan(origin: Origin | None) -> ClusterPlan:
    return ClusterPlan(
        name="shared", namespace="default", image="example.org/pg:17.6", instances=3, storage=Volume(size="1Gi"),
        requests={"cpu": "100m", "memory": "256Mi"}, limits={"cpu": "500m", "memory": "512Mi"}, synchronous=1,
        superuser_secret="s", authority_secret="a", roles=(heartbeat.role("h"),),
        archive=Archive(store=STORE, server_name="shared"), origin=origin,
    )  # fmt: skip


DRILL = DrillPlan(
    cluster=cluster_plan(None), origin=ORIGINS[0], image="i", schedule="0 4 * * 0", timeout_seconds=60,
    freshness_seconds=60, databases={"app": ""}, superuser_secret="s", account="shared-restoring",
)  # fmt: skip
CRON_JOB = {"apiVersion": "batch/v1", "kind": "CronJob"}
BEAT = heartbeat.cron_job("shared-heartbeat", namespace="default", access=SERVER, password_secret="h", archive="shared")
MANIFESTS: dict[str, dict[str, Any]] = {
    "store": backup_manifests.object_store(STORE, retention="4w", wal="zstd", data="snappy"),
    "store-by-role": backup_manifests.object_store(BY_ROLE),
    "schedule": backup_manifests.scheduled_backup(
        "shared", namespace="default", schedule="*/20 0 2 * * mon-fri", immediate=True
    ),
    "archiving": cnpg_manifests.cluster(cluster_plan(None)),
    "restored": cnpg_manifests.cluster(cluster_plan(ORIGINS[0])),
    "restored-to-a-time": cnpg_manifests.cluster(cluster_plan(ORIGINS[1])),
    "restored-to-a-backup": cnpg_manifests.cluster(cluster_plan(ORIGINS[2])),
    "drill-cluster": restore_pods.drill_cluster(DRILL),
    "heartbeat": {**CRON_JOB, **BEAT},
    "drill": {**CRON_JOB, **restore_pods.drill_job(DRILL)},
    "proof": manifest(
        Job(
            namespace="default", name="restored", timeout_seconds=60,
            pod=restore_pods.proof("after", ORIGINS[1], image="i", account="a", server=SERVER),
        )
    ),
    "rights": {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "shared-drill", "namespace": "default"}, "rules": restore_pods.drill_rules(DRILL),
    },
}  # fmt: skip


def taken(cluster: Cluster, document: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    command = [
        str(kubectl.find()),
        "--kubeconfig",
        str(cluster.kubeconfig),
        "create",
        "--dry-run=server",
        "--validate=strict",
    ]
    return subprocess.run(
        [*command, "-f", "-"], input=json.dumps(document), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_is_taken_field_by_field(cluster: Cluster, name: str) -> None:
    done = taken(cluster, MANIFESTS[name])
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


def test_what_the_settings_refuse_kubernetes_or_the_operator_would_not_all_refuse(cluster: Cluster) -> None:
    """Why the settings are checked: a wrong retention is refused in the middle of an update; five fields never."""
    wrong = backup_manifests.object_store(STORE, retention="30 days")
    assert "retentionPolicy" in taken(cluster, wrong).stderr
    five = backup_manifests.scheduled_backup("shared", namespace="default", schedule="0 2 * * *", immediate=True)
    done = taken(cluster, five)
    assert done.returncode == 0, done.stderr
