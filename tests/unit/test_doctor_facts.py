"""How the doctor makes facts of what it reads, and that no Secret's value gets among what it tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from components.kubernetes import network_policies
from tests.unit.doctor_support import APPLICATION, POLICY
from tools.commands import doctor
from tools.doctor.facts import Enforcement
from tools.doctor.finding import About, Level, Subject
from tools.doctor.gather import certificates
from tools.doctor.gather.applications import compare
from tools.doctor.gather.pods import failed_jobs, pods
from tools.doctor.gather.postgres import _login, parse
from tools.doctor.policies import Client, admits, network
from tools.doctor.redaction import HIDDEN, Redactor

PASSWORDS = {"city_api": "p/ss:word", "city_api_ro": "reader-word"}
VALUES = {"URL": "postgresql://city_api:p%2Fss%3Aword@h/d", "READER": "x:reader-word@h", "MODE": "plain"}
HOST = "shared-rw.databases.svc"
SERVER = {"cnpg.io/cluster": "shared"}


def test_a_secret_agrees_with_its_credentials_in_clear_or_quoted() -> None:
    found = compare(APPLICATION, "city-api-env", VALUES, PASSWORDS)
    assert (found.there, found.missing, found.stale) == (True, (), ())


def test_which_variables_are_stale_or_missing() -> None:
    found = compare(APPLICATION, "city-api-env", {**VALUES, "URL": "postgresql://city_api:old@h/d"}, PASSWORDS)
    assert found.stale == ("URL",)
    assert compare(APPLICATION, "city-api-env", {"MODE": "plain"}, PASSWORDS).missing == ("READER", "URL")
    assert not compare(APPLICATION, "city-api-env", None, PASSWORDS).there


def test_nothing_that_is_told_has_a_secrets_value() -> None:
    redactor = Redactor()
    redactor.learn([PASSWORDS["city_api"], "short"])
    about = About(subject=Subject.SERVER, check="c", looked_at="l")
    finding = about.fault(
        "login with p/ss:word failed", "short", "psql postgresql://city_api:p%2Fss%3Aword@h", "log: p/ss:word"
    )
    told = doctor._told(finding, redactor)
    assert "p/ss" not in repr(told) and "p%2Fss" not in repr(told)
    assert told.found == f"login with {HIDDEN} failed"
    assert (told.why, told.level, told.subject) == ("short", Level.FAULT, Subject.SERVER)


@pytest.mark.parametrize(
    ("line", "ok", "said", "by_service"),
    [
        ("city_api\tservice\tok\t", True, "", True),
        ("city_api\titself\tok\t", True, "", False),
        ("city_api\tservice\tno\tpsql: error: FATAL:  password authentication failed", False, "password", True),
        ("city_api\tservice\tno\tpsql: error: could not translate host name", False, "could not", True),
    ],
)
def test_what_comes_of_a_login(line: str, ok: bool, said: str, by_service: bool) -> None:
    role, login = _login(line)
    assert (role, login.ok, login.by_service) == ("city_api", ok, by_service)
    assert said in login.said


def test_what_postgresql_answers_becomes_facts() -> None:
    row = {"is_template": False, "is_open": True, "connection_limit": -1, "comment": None}
    found = parse(
        {
            "roles": {
                "city_api": {"login": True, "limit": 20, "sessions": 2},
                "socle_closed_pr_7": {"login": False, "limit": -1, "sessions": 0},
            },
            "databases": [
                {"name": "city_api", "owner": "o", "connects": ["o", "city_api"], **row},
                {"name": "other", "owner": "o", "connects": ["public"], **row},
                {"name": "closed", "owner": "o", "connects": None, **row},
            ],
            "sessions": 3,
            "max": 100,
        }
    )
    assert found.closed == {7}
    assert found.databases["city_api"].connects == {"o", "city_api"}
    assert [name for name, one in found.databases.items() if one.public_connects] == ["other"]


# Policies.


@pytest.mark.parametrize(
    ("client", "through"),
    [
        (Client(namespace="city", labels={network_policies.CLIENTS: "databases"}), True),
        (Client(namespace="city", labels={network_policies.CLIENTS: "others"}), False),
        (Client(namespace="city", labels={}), False),
        (Client(namespace="databases", labels={}), True),
        (Client(namespace="cnpg-system", labels={network_policies.NAMESPACE_NAME: "cnpg-system"}), True),
    ],
)
def test_who_gets_through_to_the_server(client: Client, through: bool) -> None:
    assert admits([POLICY], SERVER, "databases", client, 5432) is through
    assert admits([], SERVER, "databases", client, 5432), "without a policy everybody does"
    assert admits([POLICY], {"cnpg.io/cluster": "another"}, "databases", client, 5432), "it selects other pods"


@pytest.mark.parametrize(
    ("expression", "through"),
    [
        ({"key": "team", "operator": "Exists"}, True),
        ({"key": "team", "operator": "DoesNotExist"}, False),
        ({"key": "team", "operator": "NotIn", "values": ["data"]}, False),
        ({"key": "team", "operator": "In", "values": ["data"]}, True),
    ],
)
def test_selectors_by_expression(expression: dict[str, Any], through: bool) -> None:
    rule = {"from": [{"namespaceSelector": {"matchExpressions": [expression]}}]}
    policy = {"spec": {"podSelector": {}, "ingress": [rule]}}
    client = Client(namespace="city", labels={"team": "data"})
    assert admits([policy], SERVER, "databases", client, 5432) is through


@pytest.mark.parametrize(
    ("ports", "through"),
    [([{"port": 5432}], True), ([{"port": 9187}], False), ([{"port": 5000, "endPort": 6000}], True), ([], True)],
)
def test_the_port_counts(ports: list[dict[str, int]], through: bool) -> None:
    policy = {"spec": {"podSelector": {}, "ingress": [{"ports": ports}]}}
    assert admits([policy], SERVER, "databases", Client(namespace="c", labels={}), 5432) is through


@pytest.mark.parametrize(
    ("agents", "kubelets", "enforcement"),
    [
        (["kube-flannel-ds", "calico-node"], [], Enforcement.YES),
        (["kube-flannel-ds"], ["v1.34.1"], Enforcement.NO),
        (["kube-flannel-ds"], ["v1.34.1+k3s1"], Enforcement.YES),
        (["node-exporter"], ["v1.34.1"], Enforcement.UNKNOWN),
    ],
)
def test_which_networks_enforce_policies(agents: list[str], kubelets: list[str], enforcement: Enforcement) -> None:
    assert network(agents, kubelets).enforcement is enforcement


# Certificates.


def certificate(name: str, signer: tuple[x509.Certificate, Any] | None, days: int = 10) -> tuple[x509.Certificate, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, its_key = (signer[0].subject, signer[1]) if signer else (subject, key)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30)).not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(its_key, hashes.SHA256())
    )  # fmt: skip
    return made, key


def pem(one: tuple[x509.Certificate, Any]) -> str:
    return one[0].public_bytes(serialization.Encoding.PEM).decode()


def test_an_authority_verifies_what_it_signed_for_that_host() -> None:
    ours, other = certificate("authority", None), certificate("authority", None)
    shown = pem(certificate(HOST, ours))
    assert certificates.verify(pem(other) + pem(ours), shown, HOST).verifies, "one of a bundle is enough"
    assert "another authority" in certificates.verify(pem(other), shown, HOST).reason
    assert "doesn't name" in certificates.verify(pem(ours), shown, "elsewhere").reason
    assert "ended" in certificates.verify(pem(ours), pem(certificate(HOST, ours, days=-1)), HOST).reason
    assert not certificates.verify("nonsense", shown, HOST).verifies


# Pods and Jobs, of what the API server says.


class FakeReader:
    """Answers with what it was given."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self._items = items

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        return [] if path.endswith("/pods") and "job-name" in query.get("labelSelector", "") else self._items

    def log(self, namespace: str, pod: str, *, previous: bool = False) -> str:
        return "before" if previous else "now"


def a_pod(state: dict[str, Any], **status: Any) -> dict[str, Any]:
    container = {"restartCount": 0, "ready": False, "state": state, **status.pop("container", {})}
    return {
        "metadata": {"namespace": "n", "name": "p", "annotations": {"socle.dev/checksum": "abc"}},
        "status": {"phase": "Pending", "containerStatuses": [container], **status},
    }


@pytest.mark.parametrize(
    ("given", "waiting", "log"),
    [
        (a_pod({"waiting": {"reason": "ErrImagePull", "message": "no"}}), "ErrImagePull", "now"),
        (a_pod({"waiting": {"reason": "ContainerCreating"}}), "", "now"),
        (
            a_pod(
                {"waiting": {"reason": "CrashLoopBackOff"}},
                container={"restartCount": 4, "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}},
            ),
            "CrashLoopBackOff",
            "before",
        ),
    ],
)
def test_why_a_pod_waits(given: dict[str, Any], waiting: str, log: str) -> None:
    found = pods(FakeReader([given]), "n", "")[0]  # type: ignore[arg-type]
    assert (found.waiting, found.log, found.ready, found.checksum) == (waiting, log, False, "abc")


def test_what_the_scheduler_says() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    found = pods(FakeReader([a_pod({}, conditions=[condition])]), "n", "")[0]  # type: ignore[arg-type]
    assert found.unschedulable == "0/1 nodes"


def job(name: str, kind: str, made: str, maker: str = "snapshot-x") -> dict[str, Any]:
    owners = [{"kind": "CronJob", "name": maker}] if maker else []
    condition = {"type": kind, "status": "True", "reason": "BackoffLimitExceeded"}
    return {
        "metadata": {"name": name, "creationTimestamp": made, "ownerReferences": owners},
        "status": {"conditions": [condition]},
    }


def test_a_failed_job_is_superseded_by_a_later_success_of_the_same_maker() -> None:
    failed = job("one", "Failed", "2026-01-01")
    every = [
        failed,
        job("two", "Complete", "2026-01-02", maker="snapshot-y"),
        job("own", "Failed", "2026-01-01", maker=""),
    ]
    found = {one.name: one.superseded for one in failed_jobs(FakeReader(every), "n")}  # type: ignore[arg-type]
    assert found == {"one": False, "own": False}
    later = failed_jobs(FakeReader([failed, job("two", "Complete", "2026-01-02")]), "n")  # type: ignore[arg-type]
    assert [one.superseded for one in later] == [True]
