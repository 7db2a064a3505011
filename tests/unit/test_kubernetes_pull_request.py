"""What a pull request registers in a Kubernetes cluster, child by child, without an engine and without a cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.kubernetes.access import Access
from stacks import kubernetes_outputs, pull_request_kubernetes
from stacks.applications import variables_of
from stacks.loader import parse
from stacks.pull_request import PullRequestStack
from stacks.settings import EnvironmentSettings, PullRequest
from tests.unit.recording import Recording, record

IDENTITY = "6f1f4a6e-0000-4000-8000-000000000001"
ABOUT = json.dumps({"database": "city_api", "snapshot_version": 3, "taken_at": "2026-11-21T10:00:00+00:00"})
APPS: dict[str, Any] = {
    "city-api": {
        "env": {"CITY_API_DB_URL": "{database.url}"},
        "workload": {"image": "ghcr.io/x/city-api", "tag": "v1", "host": "city-api.example.org", "replicas": 3,
                     "autoscaling": {"max": 9}},
    },
    "penpal": {"documents": True, "cache": True, "env": {"M": "{mongodb.uri}", "R": "{redis.url}"}},
}  # fmt: skip


def composed(monkeypatch: pytest.MonkeyPatch, apps: list[str], **changes: Any) -> Recording:
    raw = {
        "environment": {"kind": "kubernetes"}, "cluster": {"identity": IDENTITY, "context": "home"},
        "server": {"type": "cloudnativepg"}, "cache": {"type": "kubernetes"}, "documents": {"type": "ferretdb"},
        "snapshots": {"image": "branching:v1"}, "pullRequests": {"timeToLive": "5d", "total": 9}, "apps": APPS,
    }  # fmt: skip
    settings = parse(raw, "test", "dev")
    assert isinstance(settings, EnvironmentSettings)
    access = Access(context="home", identity=IDENTITY)
    contract = kubernetes_outputs.contract(settings, "dev", access)
    base = {
        "outputs": {
            kubernetes_outputs.CONTRACT: contract.model_dump(mode="json", by_alias=True, exclude_none=True),
            "authority": "ENVIRONMENT",
            "secretVariables": {name: variables_of(name, app) for name, app in settings.apps.items()},
            "cacheUrl": "",
        }
    }
    monkeypatch.setattr(pull_request_kubernetes, "require", lambda *_: access)
    pull = PullRequest.model_validate({"number": 7, "base": "dev", "apps": apps, **changes})
    outputs = {
        "organization/socle/dev": base,
        "penpal-authority": {"certificate": "OWN", "key": "KEY"},
        "penpal-documents-certificate": {"certificate": "C", "key": "K"},
        **{f"{name}-pr-7-branch": {"message": ABOUT} for name in apps},
    }
    return record(lambda: PullRequestStack(pull).compose(), stack="pr-7", outputs=outputs)


def test_the_branch_is_made_and_dropped_as_the_brancher_beside_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, ["city-api"])
    task = found.one("Task", "city-api-pr-7-branch").inputs
    assert task["namespace"] == "databases"
    container = task["apply"]["containers"][0]
    assert container["args"][:6] == ["branch", "--pr", "7", "--app", "city-api", "--name"]
    assert "--days" in container["args"] and container["args"][container["args"].index("--days") + 1] == "5"
    references = {
        one["name"]: one["valueFrom"]["secretKeyRef"]["name"] for one in container["env"] if "valueFrom" in one
    }
    assert references == {
        "PGUSER": "postgresql-shared-brancher",
        "PGPASSWORD": "postgresql-shared-brancher",
        "SOCLE_BRANCH_PASSWORD": "city-api-pr-7-login",
    }
    assert task["remove"]["containers"][0]["args"] == ["drop", "pr_7"]


def test_namespace_branch_secrets_migration_pods_in_this_order(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, ["city-api"])
    assert "namespace-city-api-pr-7" in found.one("Secret", "city-api-pr-7-login").dependencies
    assert "city-api-pr-7-login" in found.one("Task", "city-api-pr-7-branch").dependencies
    assert "city-api-pr-7-branch" in found.one("ApplicationSecrets", "city-api").dependencies
    assert "city-api-city-api-env" in found.one("Task", "city-api-workload-migration").dependencies
    assert "city-api-workload-migration" in found.one("Deployment", "city-api-workload").dependencies


def test_the_namespace_is_held_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, ["city-api"])
    labels = found.one("Namespace", "namespace-city-api-pr-7").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert (labels["socle.dev/pull-request"], labels["socle.dev/time-to-live-days"]) == ("7", "5")
    assert labels["socle.dev/clients-of"] == "databases"
    assert found.one("ResourceQuota", "city-api-quota").inputs["spec"]["hard"]["limits.memory"] == "2Gi"
    assert found.one("LimitRange", "city-api-limits").inputs["spec"]["limits"]
    egress = found.one("NetworkPolicy", "city-api-isolated").inputs["spec"]["egress"]
    assert {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "databases"}}}]} in egress


def test_the_application_runs_at_the_pull_requests_tag_once_under_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, ["city-api"], tags={"city-api": "sha-1234567"})
    spec = found.one("Deployment", "city-api-workload").inputs["spec"]
    assert spec["replicas"] == 1
    assert spec["template"]["spec"]["containers"][0]["image"] == "ghcr.io/x/city-api:sha-1234567"
    assert found.one("Ingress", "city-api-workload").inputs["spec"]["rules"][0]["host"] == "pr-7.city-api.example.org"
    assert not found.of_type("HorizontalPodAutoscaler")


def test_variables_are_the_applications_own_with_the_copy_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, ["city-api"])
    secret = found.one("Secret", "city-api-city-api-env")
    assert secret.inputs["stringData"]["CITY_API_DB_URL"].startswith("postgresql://pr_7:")
    assert "/pr_7?" in secret.inputs["stringData"]["CITY_API_DB_URL"]
    assert "stringData" in secret.secrets


def test_documents_have_an_authority_of_the_pull_requests_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, ["penpal"])
    assert found.one("ConfigMap", "penpal-trust").inputs["data"]["ca.crt"] == "ENVIRONMENTOWN"
    logins = found.one("Secret", "penpal-documents-logins").inputs["stringData"]
    assert logins["postgresql-url"].endswith("&options=-c%20role%3Dpenpal_branch")
    assert found.one("Task", "penpal-cache-user").inputs["remove"]


def test_several_applications_have_a_namespace_and_a_database_each(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, ["city-api", "penpal"])
    assert {one.inputs["metadata"]["name"] for one in found.of_type("Namespace")} == {"city-api-pr-7", "penpal-pr-7"}
    names = [one.inputs["apply"]["containers"][0]["args"][6] for one in found.of_type("Task") if "branch" in one.name]
    assert sorted(names) == ["pr_7_city_api", "pr_7_penpal"]


def test_a_reset_is_a_new_generation_of_branch_migration_and_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (composed(monkeypatch, ["city-api"], generation=number) for number in (0, 1))
    assert first.one("Task", "city-api-pr-7-branch").inputs["generation"] == 0
    assert second.one("Task", "city-api-pr-7-branch").inputs["generation"] == 1
    assert second.one("Task", "city-api-workload-migration").inputs["triggers"] == {"generation": "1"}
