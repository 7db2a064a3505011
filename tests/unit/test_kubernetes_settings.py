"""Settings on Kubernetes that can't be used: each is told with its path and a line that would be right."""

from __future__ import annotations

from typing import Any

import pytest

from components.kubernetes import access
from components.kubernetes.access import ClusterError
from stacks.cluster import require
from stacks.loader import parse
from stacks.problems import Problem, SettingsError


def raw(**changes: Any) -> dict[str, Any]:
    server = {"type": "cloudnativepg", **changes.pop("server", {})}
    return {"environment": {"kind": "kubernetes"}, "server": server, "apps": {"city-api": {}}, **changes}


def problems(**changes: Any) -> list[Problem]:
    with pytest.raises(SettingsError) as caught:
        parse(raw(**changes), "Pulumi.dev.yaml", "dev")
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("changes", "path", "found", "write"),
    [
        ({"server": {"storage": {"size": "20GB"}}}, "socle:server.storage.size", "20GB", "size: 20Gi"),
        ({"server": {"storage": {"size": "20"}}}, "socle:server.storage.size", "20", "size: 20Gi"),
        ({"server": {"resources": {"memoryLimit": "512M"}}}, "socle:server.resources.memoryLimit", "512M",
         "memoryLimit: 512Mi"),
        ({"server": {"name": "Shared_PG"}}, "socle:server.name", "Shared_PG", "name: postgresql-shared"),
        ({"snapshots": {"schedule": "0 30 3 * * *"}}, "socle:snapshots.schedule", "0 30 3 * * *",
         "schedule: 30 3 * * *"),
        ({"snapshots": {"schedule": "30 25 * * *"}}, "socle:snapshots.schedule", "30 25 * * *",
         "schedule: 30 3 * * *"),
        ({"cache": {"type": "embedded"}, "apps": {"a": {"cache": True}}}, "socle:cache.type",
         "embedded, in an environment of kind kubernetes", "type: kubernetes"),
        ({"apps": {"a": {"documents": True}}}, "socle:documents.type",
         "embedded, in an environment of kind kubernetes", "type: ferretdb"),
        ({"apps": {"a": {}, "b": {"namespace": "a"}}}, "socle:apps.b.namespace",
         "a, which is the namespace of a as well", "namespace: b"),
        ({"server": {"type": "external", "host": "db", "admin": {"user": "u", "password": "p"}}}, "socle:server.type",
         "external, in an environment of kind kubernetes", "type: cloudnativepg"),
        ({"apps": {"a": {"container": True}}}, "socle:apps.a.container",
         "true, in an environment of kind kubernetes", "remove this line"),
        ({"apps": {"a": {"workload": {"image": "x:1", "tag": "v1"}}}}, "socle:apps.a.workload.image", "x:1",
         "image: ghcr.io/owner/city-api"),
        ({"apps": {"a": {"secrets": {"a-env": {"X": "1"}}}}}, "socle:apps.a.secrets.a-env",
         "the name of the Secret that has env", "a-more: …"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_told_with_a_line_to_write(
    changes: dict[str, Any], path: str, found: str, write: str
) -> None:
    (problem,) = problems(**changes)
    assert (problem.path, problem.found, problem.write) == (path, found, write)


@pytest.mark.parametrize(("instances", "synchronous", "allowed"), [(2, 1, 0), (3, 2, 1), (1, 1, 0)])
def test_synchronous_replication_that_one_standby_less_would_stop(
    instances: int, synchronous: int, allowed: int
) -> None:
    (problem,) = problems(server={"instances": instances, "synchronous": synchronous})
    assert problem.path == "socle:server.synchronous"
    assert problem.write == f"synchronous: {allowed}"


def test_two_instances_are_taken_without_synchronous_replication() -> None:
    parse(raw(server={"instances": 2}), "Pulumi.dev.yaml", "dev")


def test_secrets_and_workloads_mean_nothing_on_a_laptop() -> None:
    local = {"environment": {"kind": "local"}, "server": {"type": "embedded"}, "apps": {"a": {"readers": ["team"]}}}
    with pytest.raises(SettingsError) as caught:
        parse(local, "Pulumi.local.yaml", "local")
    (problem,) = caught.value.problems
    assert problem.path == "socle:apps.a.readers"


class _Client:
    class configuration:  # noqa: N801 - the official client's
        host = "https://cluster.example.org:6443"


@pytest.mark.parametrize("given", ["", "another"])
def test_another_cluster_than_the_one_meant_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setattr(access, "connect", lambda _: _Client)
    monkeypatch.setattr(access, "identity", lambda _: "the-one-reached")
    with pytest.raises(SettingsError) as caught:
        require("", given, "dev")
    (problem,) = caught.value.problems
    assert problem.path == "socle:cluster.identity"
    assert (given or "nothing") in problem.found
    assert problem.write.startswith("identity: the-one-reached")
    assert require("", "the-one-reached", "dev").identity == "the-one-reached"


def test_a_cluster_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_: object) -> str:
        raise ClusterError("https://cluster.example.org:6443 doesn't answer: timed out")

    monkeypatch.setattr(access, "connect", lambda _: _Client)
    monkeypatch.setattr(access, "identity", silent)
    with pytest.raises(SettingsError, match=r"socle:cluster\.context"):
        require("home", "any", "dev")
