"""The doctor on a real environment: no fault while it is healthy; each flow of seed 001 named, and what it says mends.

Doesn't prove: refusals by NetworkPolicies, which the test cluster's network doesn't know; a Service with another
selector, which the operator mends within a second.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from components.kubernetes.network_policies import CLIENTS
from tests.engine.checkout import Checkout
from tests.kubernetes.support import POSTGRES_IMAGE, Cluster, until
from tools.kubernetes import kubectl

APPLICATION, ROLE, READER = "docspell", "docspell", "docspell_ro"
SECRET = "docspell-postgresql-credentials"
COMMAND_SECONDS = 300


class Patient:
    """The environment as the doctor finds it, and a shell that types what it says."""

    def __init__(self, cluster: Cluster, dev: Checkout) -> None:
        self.cluster, self.dev = cluster, dev
        config = YAML(typ="safe").load(dev.root / "Pulumi.dev.yaml")["config"]
        self.databases: str = config["socle:server"]["namespace"]
        self.namespace: str = config["socle:apps"][APPLICATION].get("namespace", APPLICATION)

    def look(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.dev.run("doctor", "--env", "dev", "--json", expect=None).out)
        return found

    def faults(self) -> list[dict[str, Any]]:
        return [one for one in self.look() if one["level"] == "fault"]

    def fault(self, check: str) -> dict[str, Any]:
        """The fault of that check. Fails where there is none, and where the command's status doesn't say so."""
        done = self.dev.run("doctor", "--env", "dev", "--app", APPLICATION, "--json", expect=1)
        found = [one for one in json.loads(done.out) if one["check"] == check and one["level"] == "fault"]
        assert found, done.out
        return dict(found[0])

    def type(self, command: str) -> None:
        """As in a user's shell, with the cluster's kubectl on the path."""
        path = f"{kubectl.find().parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.dev.root, text=True, capture_output=True, timeout=COMMAND_SECONDS,
            env={**self.dev.environment, "PATH": path}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        return self.cluster.sql(statement, database, self.databases)

    def whole(self) -> bool:
        return not self.faults()

    def patch_secret(self, change: dict[str, Any]) -> None:
        self.cluster.core.patch_namespaced_secret(SECRET, self.databases, change)


@pytest.fixture
def patient(cluster: Cluster, dev: Checkout) -> Iterator[Patient]:
    """Healthy when a test gets it, and again when it is done."""
    one = Patient(cluster, dev)
    until(one.whole, "no fault before the test")
    yield one
    until(one.whole, "no fault after the test")


def test_a_healthy_environment_has_no_fault_and_status_0(patient: Patient) -> None:
    done = patient.dev.run("doctor", "--env", "dev")
    assert "✗" not in done.out
    checks = {one["check"] for one in patient.look() if one["level"] == "ok"}
    assert checks >= {
        "cluster", "operator", "operator-version", "server", "postgres-answers", "connections", "service", "roles",
        "managed-roles", "database", "database-object", "public", "login", "application-secret", "trust", "way-in",
        "workload",
    }  # fmt: skip


def test_a_missing_role_comes_back_with_its_rights(patient: Patient) -> None:
    patient.sql(f"DROP OWNED BY {READER}; DROP ROLE {READER}", APPLICATION)
    found = patient.fault("roles")
    assert (found["found"], found["next"]) == (
        f"role missing: {READER}",
        f"make privileges ENV=dev APP={APPLICATION}",
    )
    # make's bootstrap would install packages into the checkout; the command behind it is the same.
    patient.dev.run("privileges", APPLICATION, "--env", "dev")
    assert patient.sql(f"SELECT has_database_privilege('{READER}', '{APPLICATION}', 'CONNECT')") == "t"


def test_a_password_that_was_altered_is_set_back_by_the_operator(patient: Patient) -> None:
    patient.sql(f"ALTER ROLE {ROLE} PASSWORD 'altered-behind-its-back'")
    found = patient.fault("login")
    assert found["found"] == "the Secret's password is not the role's"
    patient.type(found["next"])
    until(lambda: not [one for one in patient.faults() if one["check"] == "login"], "the login works")


def test_a_secret_that_is_not_synchronised(patient: Patient) -> None:
    right = patient.cluster.secret(patient.databases, SECRET)["password"]
    patient.patch_secret({"metadata": {"labels": {"cnpg.io/reload": None}}})
    patient.patch_secret({"stringData": {"password": "changed-by-hand"}})
    try:
        done = patient.dev.run("doctor", "--env", "dev", "--app", APPLICATION, expect=1)
        assert "changed-by-hand" not in done.said and right not in done.said
        assert patient.fault("application-secret")["found"].endswith("DB_PASSWORD")
        unlabelled = patient.fault("credentials")
        assert unlabelled["next"] == f"kubectl -n {patient.databases} label secret {SECRET} cnpg.io/reload=true"
        assert patient.fault("login")["next"] == unlabelled["next"]
        patient.type(unlabelled["next"])
        until(lambda: {one["check"] for one in patient.faults()} == {"application-secret"}, "role and Secret agree")
    finally:
        patient.patch_secret({"metadata": {"labels": {"cnpg.io/reload": "true"}}, "stringData": {"password": right}})


def test_the_settings_password_is_put_back_by_force(patient: Patient) -> None:
    right = patient.cluster.secret(patient.databases, SECRET)["password"]
    patient.patch_secret({"stringData": {"password": "changed-by-hand"}})
    try:
        command = patient.fault("application-secret")["next"]
        begin = 'eval "$(make -s env)" && '
        assert command.startswith(begin)
        variable, words = command.removeprefix(begin).split(" pulumi ")
        name, value = variable.split("=")
        patient.dev.pulumi(*words.split(), **{name: value})
        assert patient.cluster.secret(patient.databases, SECRET)["password"] == right
    finally:
        patient.patch_secret({"stringData": {"password": right}})


def test_a_namespace_that_no_policy_lets_through(patient: Patient) -> None:
    patient.cluster.core.patch_namespace(patient.namespace, {"metadata": {"labels": {CLIENTS: None}}})
    found = patient.fault("way-in")
    assert CLIENTS in found["found"]
    patient.type(found["next"])
    assert patient.cluster.core.read_namespace(patient.namespace).metadata.labels[CLIENTS] == patient.databases


def test_a_refused_connection_is_traced_to_the_fence(patient: Patient) -> None:
    own = patient.cluster.secret(patient.namespace, f"{APPLICATION}-env")
    where = {"PGHOST": own["DB_HOST"], "PGUSER": own["DB_USER"], "PGPASSWORD": own["DB_PASSWORD"]}
    patient.type(
        f"""kubectl -n {patient.databases} annotate cluster postgresql-shared 'cnpg.io/fencedInstances=["*"]'"""
    )
    answered = ["psql", "-X", "-d", own["DB_NAME"], "-c", "SELECT 1"]

    def refused() -> bool:
        return "refused" in patient.cluster.run(patient.namespace, answered, env=where, image=POSTGRES_IMAGE).log

    try:
        until(refused, "the application's connections are refused")
        found = patient.fault("server-fenced")
        assert patient.fault("postgres-answers")["found"].startswith("no answer: ")
        last = patient.dev.run("doctor", "--env", "dev", expect=1).out.strip().splitlines()[-1]
        assert last.endswith(f"First: {found['next']}")
        patient.type(found["next"])
    finally:
        patient.type(
            f"kubectl -n {patient.databases} annotate cluster postgresql-shared cnpg.io/fencedInstances- || true"
        )


def test_a_failed_job_is_shown_with_its_logs_end_and_no_password(patient: Patient) -> None:
    from kubernetes.client import BatchV1Api

    password = patient.cluster.secret(patient.databases, SECRET)["password"]
    container = {"name": "x", "image": POSTGRES_IMAGE, "command": ["sh", "-c", f"echo lost with {password}; exit 3"]}
    job = {
        "metadata": {"name": "doctor-trial"},
        "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }
    batch = BatchV1Api(patient.cluster.api)
    batch.create_namespaced_job(patient.databases, job)

    def told() -> list[dict[str, Any]]:
        return [one for one in patient.look() if one["looked_at"] == f"Job {patient.databases}/doctor-trial"]

    try:
        found = until(told, "the Job is told")[0]
        assert found["level"] == "warning"
        assert found["detail"] == "lost with •••"
    finally:
        batch.delete_namespaced_job("doctor-trial", patient.databases, propagation_policy="Foreground")
    until(lambda: not told(), "the Job is gone")
