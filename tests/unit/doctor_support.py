"""The facts of a healthy environment, for tests that spoil one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from components.kubernetes import network_policies
from components.kubernetes.network_policies import CLIENTS
from components.names import roles
from tools.doctor.checks import examine
from tools.doctor.facts import (
    ApplicationFacts,
    Claim,
    ClusterFacts,
    Condition,
    Controller,
    Credentials,
    Database,
    Enforcement,
    Facts,
    Login,
    Network,
    OperatorFacts,
    Pod,
    PostgresCluster,
    PostgresFacts,
    Role,
    SecretFacts,
    ServerFacts,
    Service,
    Trust,
    Wanted,
    WantedApplication,
    Workload,
)
from tools.doctor.finding import Finding, Level

IDENTITY = "6f1f4a6e-0000-4000-8000-000000000001"
ROLES = ("city_api_owner", "city_api", "city_api_ro")
APPLICATION = WantedApplication(
    name="city-api", database="city_api", roles=roles("city_api"), namespace="city", workload=True,
    secrets={"city-api-env": {"URL": "{database.url}", "READER": "{database.readonly_url}", "MODE": "plain"}},
)  # fmt: skip
WANTED = Wanted(
    env="dev", context="home", identity=IDENTITY, namespace="databases", server="shared", instances=1,
    applications=(APPLICATION,), snapshot_days=2,
)  # fmt: skip
POLICY = {
    "spec": network_policies.shared_service(
        {"cnpg.io/cluster": "shared"}, [5432], namespace="databases", metrics=9187, trusted=["cnpg-system"]
    )
}
RUNS = Pod(namespace="city", name="city-api-1", phase="Running", ready=True, checksum="now")
INSTANCE = Pod(namespace="databases", name="shared-1", phase="Running", ready=True)
VOLUME = Claim(namespace="databases", name="shared-1", phase="Bound", wanted="1Gi", capacity="1Gi")


def credentials(role: str, suffix: str, **changes: Any) -> Credentials:
    one = Credentials(
        role=role, secret=f"city-api{suffix}-postgresql-credentials", there=True, labelled=True, complete=True,
        login=Login(ok=True),
    )  # fmt: skip
    return replace(one, **changes)


def healthy() -> Facts:
    """Nothing is wrong."""
    cluster = PostgresCluster(
        phase="Cluster in healthy state", reason="", ready=1, primary="shared-1",
        conditions=(Condition(type="Ready", status="True"),), roles=dict.fromkeys(ROLES, "reconciled"),
    )  # fmt: skip
    return Facts(
        wanted=WANTED,
        cluster=ClusterFacts(
            host="https://home:6443", identity=IDENTITY,
            network=Network(enforcement=Enforcement.YES, by="calico-node"),
        ),
        operator=OperatorFacts(
            kinds=frozenset({"clusters", "databases", "backups"}),
            controllers=(
                Controller(
                    namespace="cnpg-system", name="cnpg-controller-manager", ready=1, wanted=1,
                    image="ghcr.io/cloudnative-pg/cloudnative-pg:1.28.0",
                ),
            ),
        ),
        server=ServerFacts(
            namespace_there=True, cluster=cluster, pods=(INSTANCE,), claims=(VOLUME,), policies=(POLICY,),
            service=Service(
                name="shared-rw", ready=1, selector={"cnpg.io/cluster": "shared", "cnpg.io/instanceRole": "primary"}
            ),
            databases={"city-api": Condition(type="applied", status="True")},
        ),
        postgres=PostgresFacts(
            roles={role: Role(login=role != "city_api_owner", limit=20, sessions=1) for role in ROLES},
            databases={
                "city_api": Database(
                    owner="city_api_owner", public_connects=False, connects=frozenset({"city_api", "city_api_ro"})
                )
            },
            sessions=5, max_connections=100,
        ),
        applications=(
            ApplicationFacts(
                wanted=APPLICATION,
                namespace_labels={CLIENTS: "databases"},
                credentials=(credentials("city_api", ""), credentials("city_api_ro", "-ro")),
                secrets=(SecretFacts(name="city-api-env", there=True),),
                trust=Trust(there=True, verifies=True),
                workload=Workload(available=1, wanted=1, pods=(RUNS,), checksum="now"),
            ),
        ),
    )  # fmt: skip


def spoilt(part: str, **changes: Any) -> Facts:
    """Healthy but for `changes` of a part: `server`, `server.cluster`, `application`."""
    facts = healthy()
    if part == "application":
        return replace(facts, applications=(replace(facts.applications[0], **changes),))
    if part == "server.cluster":
        return replace(facts, server=replace(facts.server, cluster=replace(facts.server.cluster, **changes)))
    if part == "facts":
        return replace(facts, **changes)
    return replace(facts, **{part: replace(getattr(facts, part), **changes)})


def bad(facts: Facts) -> list[Finding]:
    """What isn't as it should be."""
    return [one for one in examine(facts) if one.level is not Level.OK]


def only(facts: Facts) -> Finding:
    """The one thing that is wrong."""
    found = bad(facts)
    assert len(found) == 1, [(one.check, one.found) for one in found]
    return found[0]
