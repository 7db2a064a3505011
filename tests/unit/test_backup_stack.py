"""What backups, a restore and a drill register, child by child, without an engine and without a cluster.

Doesn't prove: that Kubernetes and the operator take it, or that anything comes of it; tests/kubernetes does.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.kubernetes.access import Access
from restoring import plan
from stacks import kubernetes
from stacks.kubernetes import KubernetesStack
from stacks.loader import parse
from stacks.settings import EnvironmentSettings
from tests.unit.recording import Recording, record

IDENTITY = "6f1f4a6e-0000-4000-8000-000000000001"
BACKUP: dict[str, Any] = {
    "destination": "s3://backups/dev", "endpoint": "https://minio.example.org", "region": "eu-west-3",
    "credentials": {"accessKey": "KEY", "secretKey": "SECRET"}, "schedule": "0 30 2 * * *",
}  # fmt: skip
IMAGE = "registry.example.org/socle-restoring:1"
BACKED_UP = {"backup": BACKUP}
DRILLED = {**BACKED_UP, "restoringImage": IMAGE, "drill": {"queries": {"city-api": "SELECT true"}}}
RESTORED = {
    **BACKED_UP, "name": "restored", "restoringImage": IMAGE,
    "restoreFrom": {"serverName": "postgresql-shared", "pointInTime": "2026-11-21T12:00:00Z"},
}  # fmt: skip


def composed(monkeypatch: pytest.MonkeyPatch, **server: Any) -> Recording:
    raw = {
        "environment": {"kind": "kubernetes"}, "cluster": {"identity": IDENTITY},
        "server": {"type": "cloudnativepg", **server}, "apps": {"city-api": {"env": {}}},
    }  # fmt: skip
    settings = parse(raw, "test", "dev")
    assert isinstance(settings, EnvironmentSettings)
    monkeypatch.setattr(kubernetes, "require_cluster", lambda *_: Access(context="home", identity=IDENTITY))
    pair = {"certificate": "CERTIFICATE", "key": "KEY"}
    name = server.get("name", "postgresql-shared")
    made = {"creationTimestamp": "2026-11-22T08:00:00Z"}
    outputs = {f"{name}-authority": pair, name: {"metadata": made}}
    return record(lambda: KubernetesStack(settings, "dev").compose(), stack="dev", outputs=outputs)


def added(recording: Recording, plain: Recording) -> set[tuple[str, str]]:
    def of(one: Recording) -> set[tuple[str, str]]:
        return {(resource.type.rpartition(":")[2], resource.name) for resource in one.resources}

    return of(recording) - of(plain)


def document(inputs: dict[str, Any]) -> dict[str, Any]:
    """The plan that a pod is told."""
    return plan.read({one["name"]: one.get("value", "") for one in inputs["containers"][0]["env"]})


def test_backups_add_these_children_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert added(composed(monkeypatch, **BACKED_UP), composed(monkeypatch)) == {
        ("BackupStore", "postgresql-shared-archive"),
        ("ObjectStore", "postgresql-shared-archive"),
        ("Secret", "postgresql-shared-archive-keys"),
        ("RandomBytes", "heartbeat"),
        ("Secret", "postgresql-shared-heartbeat"),
        ("Backups", "postgresql-shared-backups"),
        ("Task", "postgresql-shared-backups-archiving"),
        ("CronJob", "postgresql-shared-backups-heartbeat"),
        ("ScheduledBackup", "postgresql-shared-backups-schedule"),
    }


def test_a_drill_adds_these_children_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert added(composed(monkeypatch, **DRILLED), composed(monkeypatch, **BACKED_UP)) == {
        ("ServiceAccount", "postgresql-shared-restoring"),
        ("RandomBytes", "drill"),
        ("RestoreDrill", "postgresql-shared-drill"),
        ("Secret", "postgresql-shared-drill-superuser"),
        ("Role", "postgresql-shared-drill-rights"),
        ("RoleBinding", "postgresql-shared-drill-rights"),
        ("CronJob", "postgresql-shared-drill"),
    }


def test_the_store_is_asked_for_with_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, **BACKED_UP)
    spec = found.one("ObjectStore", "postgresql-shared-archive")
    keys = found.one("Secret", "postgresql-shared-archive-keys")
    assert keys.inputs["stringData"] == {"accessKey": "KEY", "secretKey": "SECRET", "region": "eu-west-3"}
    assert "stringData" in keys.secrets
    assert spec.type.startswith("kubernetes:barmancloud.cnpg.io/v1:")
    assert spec.inputs["spec"] == {
        "configuration": {
            "destinationPath": "s3://backups/dev",
            "endpointURL": "https://minio.example.org",
            "s3Credentials": {
                "accessKeyId": {"name": "postgresql-shared-archive", "key": "accessKey"},
                "secretAccessKey": {"name": "postgresql-shared-archive", "key": "secretKey"},
                "region": {"name": "postgresql-shared-archive", "key": "region"},
            },
            "wal": {"compression": "gzip"},
            "data": {"compression": "gzip"},
        },
        "retentionPolicy": "30d",
    }


def test_without_keys_the_pods_own_identity_has_the_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, backup={"destination": "s3://backups/dev", "inheritFromIamRole": True})
    configuration = found.one("ObjectStore", "postgresql-shared-archive").inputs["spec"]["configuration"]
    assert configuration["s3Credentials"] == {"inheritFromIAMRole": True}
    assert not [one for one in found.of_type("Secret") if one.name.endswith("-keys")]


def test_the_cluster_archives_under_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = composed(monkeypatch, **BACKED_UP).one("Cluster", "postgresql-shared").inputs["spec"]
    (plugin,) = spec["plugins"]
    assert plugin["isWALArchiver"] is True
    assert plugin["parameters"] == {"barmanObjectName": "postgresql-shared-archive", "serverName": "postgresql-shared"}
    assert "initdb" in spec["bootstrap"] and "externalClusters" not in spec
    assert "plugins" not in composed(monkeypatch).one("Cluster", "postgresql-shared").inputs["spec"]


def test_a_schedule_is_the_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = (
        composed(monkeypatch, **BACKED_UP).one("ScheduledBackup", "postgresql-shared-backups-schedule").inputs["spec"]
    )
    assert spec == {
        "schedule": "0 30 2 * * *", "immediate": True, "backupOwnerReference": "self",
        "cluster": {"name": "postgresql-shared"}, "method": "plugin",
        "pluginConfiguration": {"name": "barman-cloud.cloudnative-pg.io"},
    }  # fmt: skip


def test_the_heartbeats_role_can_do_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, **BACKED_UP)
    roles = {one["name"]: one for one in found.one("Cluster", "postgresql-shared").inputs["spec"]["managed"]["roles"]}
    assert roles["socle_heartbeat"]["passwordSecret"] == {"name": "postgresql-shared-heartbeat"}
    assert not {"superuser", "createdb", "createrole", "inRoles"} & roles["socle_heartbeat"].keys()
    pod = found.one("CronJob", "postgresql-shared-backups-heartbeat").inputs["spec"]["jobTemplate"]["spec"]["template"]
    environment = {one["name"]: one for one in pod["spec"]["containers"][0]["env"]}
    assert environment["PGUSER"]["valueFrom"]["secretKeyRef"]["name"] == "postgresql-shared-heartbeat"
    assert environment["PGSSLMODE"]["value"] == "verify-full"


def test_nothing_is_backed_up_before_the_log_is_seen_in_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, **BACKED_UP)
    task = found.one("Task", "postgresql-shared-backups-archiving")
    assert {"city-api", "postgresql-shared-access"} <= task.dependencies
    for kind, name in (("CronJob", "heartbeat"), ("ScheduledBackup", "schedule")):
        assert task.name in found.one(kind, f"postgresql-shared-backups-{name}").dependencies


def test_a_restored_cluster_is_asked_before_and_proven_after(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, **RESTORED)
    one = found.one("Cluster", "restored")
    assert one.inputs["metadata"]["annotations"]["socle.dev/restored-from"] == (
        "s3://backups/dev postgresql-shared up to 2026-11-21T12:00:00.000000Z"
    )
    assert one.inputs["spec"]["bootstrap"] == {
        "recovery": {
            "source": "origin", "database": "socle", "owner": "socle",
            "recoveryTarget": {"targetTime": "2026-11-21 12:00:00.000000+00"},
        }
    }  # fmt: skip
    (origin,) = one.inputs["spec"]["externalClusters"]
    assert origin["plugin"]["parameters"] == {"barmanObjectName": "restored-archive", "serverName": "postgresql-shared"}
    assert one.inputs["spec"]["plugins"][0]["parameters"]["serverName"] == "restored"
    before, after = found.one("Task", "restored-restorable"), found.one("Task", "restored-restored")
    assert before.name in one.dependencies
    assert "restored" in after.dependencies
    assert after.name in found.one("Task", "restored-access").dependencies
    assert document(before.inputs["apply"])["target"] == {"kind": "time", "time": "2026-11-21T12:00:00+00:00"}
    assert document(after.inputs["apply"])["began"] == "2026-11-22T08:00:00Z"
    assert "apply" not in before.secrets | after.secrets


def test_a_backup_by_its_id_goes_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    server = {**RESTORED, "restoreFrom": {"serverName": "postgresql-shared", "backup": "20261121T020000"}}
    spec = composed(monkeypatch, **server).one("Cluster", "restored").inputs["spec"]
    target = spec["bootstrap"]["recovery"]["recoveryTarget"]
    assert target == {"backupID": "20261121T020000", "targetImmediate": True}


def test_another_store_to_restore_from_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = {"destination": "s3://elsewhere", "credentials": {"accessKey": "K", "secretKey": "S"}}
    found = composed(monkeypatch, **{**RESTORED, "restoreFrom": {"serverName": "old", "store": elsewhere}})
    origin = found.one("ObjectStore", "restored-origin").inputs["spec"]
    assert "retentionPolicy" not in origin
    assert origin["configuration"]["destinationPath"] == "s3://elsewhere"
    parameters = found.one("Cluster", "restored").inputs["spec"]["externalClusters"][0]["plugin"]["parameters"]
    assert parameters["barmanObjectName"] == "restored-origin"


def test_a_drill_makes_a_small_cluster_that_archives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, **{**DRILLED, "instances": 3, "spread": True})
    template = found.one("CronJob", "postgresql-shared-drill").inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    told = plan.drill(document(template))
    spec = told.cluster["spec"]
    assert told.cluster["metadata"]["name"] == "postgresql-shared-drill"
    assert told.cluster["metadata"]["labels"]["socle.dev/drill"] == "true"
    assert (spec["instances"], "plugins" in spec, spec["managed"]["roles"]) == (1, False, [])
    assert spec["externalClusters"][0]["plugin"]["parameters"]["serverName"] == "postgresql-shared"
    assert spec["superuserSecret"] == {"name": "postgresql-shared-drill-superuser"}
    assert told.databases == {"city_api": "SELECT true"}
    assert (told.restore.target.kind, told.timeout_seconds, told.freshness_seconds) == ("end", 7200, 900)
    environment = json.dumps(template["containers"][0]["env"])
    assert '"name": "postgresql-shared-superuser"' not in environment, "a drill has no login on the real cluster"


def test_a_drills_rights_are_on_its_own_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, **DRILLED)
    rules = found.one("Role", "postgresql-shared-drill-rights").inputs["rules"]
    assert {verb for rule in rules if "resourceNames" not in rule for verb in rule["verbs"]} == {"create"}
    # The operator makes a Role of the throw-away cluster's name, and takes one that is there for its own.
    assert (
        found.one("Role", "postgresql-shared-drill-rights").inputs["metadata"]["name"] == "postgresql-shared-restoring"
    )
    named = {name for rule in rules for name in rule.get("resourceNames", ())}
    assert named == {"postgresql-shared-drill"}
    assert "secrets" not in {kind for rule in rules for kind in rule["resources"]}
