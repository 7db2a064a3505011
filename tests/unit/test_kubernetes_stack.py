"""What an environment on Kubernetes registers, child by child, without an engine and without a cluster.

Doesn't prove: that Kubernetes takes it, or that anything comes of it; tests/kubernetes does.
"""

from __future__ import annotations

from typing import Any

import pytest

from components.kubernetes.access import Access
from components.kubernetes.manifests import TRUST_FILE
from stacks import kubernetes
from stacks.kubernetes import KubernetesStack
from stacks.loader import parse
from stacks.settings import EnvironmentSettings
from tests.unit.recording import Recording, record

IDENTITY = "6f1f4a6e-0000-4000-8000-000000000001"
APPS: dict[str, Any] = {
    "city-api": {"env": {"URL": "{database.url}", "CA": "{database.ca}"}, "readers": ["data-team"]},
    "user-service": {
        "cache": True,
        "env": {},
        "namespace": "meetinity",
        "secrets": {"platform-database": {"DATABASE_URL": "{database.url}"}, "platform-redis": {"R": "{redis.url}"}},
    },
    "penpal": {"documents": True, "deletionPolicy": "delete", "env": {"M": "{mongodb.uri}"}},
}
PAIR = {"certificate": "CERTIFICATE", "key": "KEY"}


def raw(**changes: Any) -> dict[str, Any]:
    return {
        "environment": {"kind": "kubernetes"},
        "cluster": {"identity": IDENTITY},
        "server": {"type": "cloudnativepg", **changes},
        "cache": {"type": "kubernetes"},
        "documents": {"type": "ferretdb"},
        "apps": APPS,
    }


def composed(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Recording:
    settings = parse(raw(**changes), "test", "dev")
    assert isinstance(settings, EnvironmentSettings)
    monkeypatch.setattr(kubernetes, "require_cluster", lambda *_: Access(context="home", identity=IDENTITY))
    outputs = dict.fromkeys(("postgresql-shared-authority", "cache-certificate", "penpal-documents-certificate"), PAIR)
    return record(lambda: KubernetesStack(settings, "dev").compose(), stack="dev", outputs=outputs)


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch) -> Recording:
    return composed(monkeypatch)


def cluster(recording: Recording) -> dict[str, Any]:
    return dict(recording.one("Cluster", "postgresql-shared").inputs["spec"])


def test_roles_are_the_operators_and_name_their_secrets(dev: Recording) -> None:
    roles = {role["name"]: role for role in cluster(dev)["managed"]["roles"]}
    assert set(roles) == {
        "socle_brancher",
        *(f"{app}{end}" for app in ("city_api", "user_service", "penpal") for end in ("", "_owner", "_ro")),
    }
    assert roles["city_api_owner"]["disablePassword"] and not roles["city_api_owner"]["login"]
    assert roles["city_api"]["inRoles"] == ["city_api_owner"] and not roles["city_api"]["inherit"]
    secret = dev.one("Secret", roles["city_api"]["passwordSecret"]["name"])
    assert secret.inputs["type"] == "kubernetes.io/basic-auth"
    assert secret.inputs["metadata"]["labels"]["cnpg.io/reload"] == "true"
    assert "stringData" in secret.secrets


def test_the_owner_of_the_first_database_is_no_managed_role(dev: Recording) -> None:
    owner = cluster(dev)["bootstrap"]["initdb"]["owner"]
    assert owner not in {role["name"] for role in cluster(dev)["managed"]["roles"]}


def test_the_order_is_secrets_cluster_job_database_application(dev: Recording) -> None:
    names = {one.name: one for one in dev.resources}
    assert "city-api-postgresql-credentials" in names["postgresql-shared"].dependencies
    assert "postgresql-shared" in dev.one("Task", "postgresql-shared-access").dependencies
    assert "postgresql-shared-access" in dev.one("Task", "city-api-privileges").dependencies
    assert "city-api-privileges" in dev.one("Database", "city-api").dependencies
    assert "namespace-databases" in names["city-api-postgresql-credentials"].dependencies


def test_no_password_is_in_a_job(dev: Recording) -> None:
    for task in dev.of_type("Task"):
        assert "apply" not in task.secrets
        values = [one for one in task.inputs["apply"]["containers"][0]["env"] if "PASSWORD" in one["name"]]
        assert all("valueFrom" in one for one in values)


def test_only_what_may_be_deleted_is_undone(dev: Recording) -> None:
    assert not dev.one("Task", "city-api-privileges").inputs.get("remove")
    script = next(
        one["value"]
        for one in dev.one("Task", "penpal-privileges").inputs["remove"]["containers"][0]["env"]
        if one["name"] == "SCRIPT"
    )
    assert 'DROP DATABASE IF EXISTS "penpal" WITH (FORCE)' in script
    assert all(one.inputs["spec"]["databaseReclaimPolicy"] == "retain" for one in dev.of_type("Database"))


def test_secrets_lie_in_the_applications_namespace_under_its_own_names(dev: Recording) -> None:
    found = dev.one("Secret", "user-service-platform-database").inputs
    assert found["metadata"]["namespace"] == "meetinity"
    assert found["metadata"]["name"] == "platform-database"
    assert found["stringData"]["DATABASE_URL"].startswith("postgresql://user_service:")
    assert f"sslrootcert={TRUST_FILE}" in found["stringData"]["DATABASE_URL"]
    assert (
        dev.one("Secret", "user-service-platform-redis").inputs["stringData"]["R"].startswith("rediss://user-service:")
    )
    assert not [one for one in dev.of_type("Secret") if one.name == "user-service-user-service-env"]


def test_secrets_are_read_by_name_by_the_account_and_the_named_groups(dev: Recording) -> None:
    (rule,) = dev.one("Role", "city-api-readers").inputs["rules"]
    assert rule == {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["city-api-env"], "verbs": ["get"]}
    subjects = dev.one("RoleBinding", "city-api-readers").inputs["subjects"]
    assert [(one["kind"], one["name"]) for one in subjects] == [("ServiceAccount", "city-api"), ("Group", "data-team")]


def test_everything_is_in_the_cluster_that_was_proven(dev: Recording) -> None:
    provider = dev.one("kubernetes", "kubernetes").inputs
    assert (provider["context"], provider["clusterIdentifier"]) == ("home", IDENTITY)
    # A changed Secret that is deleted first is a role without a password.
    assert provider["enableSecretMutable"] == provider["enableConfigMapMutable"] == "true"
    for one in dev.resources:
        if one.type.startswith(("kubernetes:", "postgresql.cnpg.io/")):
            assert one.provider == "kubernetes", one.name
        if one.type == "socle:kubernetes:Task":
            assert (one.inputs["context"], one.inputs["cluster"]) == ("home", IDENTITY)


def test_servers_are_reached_by_their_clients_alone(dev: Recording) -> None:
    shared = dev.one("NetworkPolicy", "postgresql-shared-clients").inputs
    assert shared["metadata"]["namespace"] == "databases"
    assert shared["spec"]["podSelector"]["matchLabels"] == {"cnpg.io/cluster": "postgresql-shared"}
    clients = {"namespaceSelector": {"matchLabels": {"socle.dev/clients-of": "databases"}}}
    ports = [rule["ports"][0]["port"] for rule in shared["spec"]["ingress"] if clients in rule.get("from", [])]
    assert ports == [5432]
    for namespace in ("city-api", "meetinity", "penpal"):
        labels = dev.one("Namespace", f"namespace-{namespace}").inputs["metadata"]["labels"]
        assert labels["socle.dev/clients-of"] == "databases"
    own = dev.one("NetworkPolicy", "penpal-documents-clients").inputs["spec"]["ingress"]
    assert own == [{"from": [{"podSelector": {}}], "ports": [{"port": 27017, "protocol": "TCP"}]}]


def test_a_protected_server_stays_with_its_namespace_and_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, protect=True)
    protected = {one.name for one in found.resources if one.protect}
    assert protected == {"postgresql-shared", "namespace-databases", "postgresql-shared-authority", "cache"}
    assert found.one("Cluster", "postgresql-shared").retain
    none = composed(monkeypatch, protect=False)
    assert not [one.name for one in none.resources if one.protect or one.retain]


def test_a_change_of_size_changes_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cluster(composed(monkeypatch))
    changes: dict[str, Any] = {"instances": 3, "storage": {"size": "40Gi"}, "version": "17.7"}
    after = composed(monkeypatch, **changes)
    one = after.one("Cluster", "postgresql-shared").inputs
    assert (one["metadata"]["name"], one["metadata"]["namespace"]) == ("postgresql-shared", "databases")
    differing = {key for key in cluster(after) if before.get(key) != cluster(after)[key]}
    assert differing == {"instances", "storage", "imageName", "enablePDB", "primaryUpdateMethod", "postgresql"}
    assert cluster(after)["postgresql"]["synchronous"]["number"] == 1
    assert cluster(after)["bootstrap"] == before["bootstrap"]
