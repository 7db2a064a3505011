"""The operator, and the objects of the PostgreSQL cluster."""

from __future__ import annotations

from typing import Any

from tools.doctor.facts import (
    Claim,
    Condition,
    Controller,
    Network,
    OperatorFacts,
    PostgresCluster,
    ServerFacts,
    Service,
    Wanted,
)
from tools.doctor.gather.pods import condition, pods
from tools.doctor.gather.reader import Json, Reader, conditions_of
from tools.doctor.policies import network as recognised

GROUP = "/apis/postgresql.cnpg.io/v1"
FENCED = "cnpg.io/fencedInstances"
_OPERATOR = "app.kubernetes.io/name=cloudnative-pg"


def network(reader: Reader) -> Network:
    """What the network does with policies, by what runs on the nodes. Raises UnseenError."""
    agents = [one["metadata"]["name"] for one in reader.items("/apis/apps/v1/daemonsets")]
    nodes = reader.items("/api/v1/nodes")
    return recognised(agents, [one["status"]["nodeInfo"]["kubeletVersion"] for one in nodes])


def operator(reader: Reader) -> OperatorFacts:
    """CloudNativePG's kinds and Deployments, wherever they run. Raises UnseenError."""
    served = reader.get(GROUP) or {}
    found = reader.items("/apis/apps/v1/deployments", labelSelector=_OPERATOR)
    return OperatorFacts(
        kinds=frozenset(one["name"] for one in served.get("resources", []) if "/" not in one["name"]),
        controllers=tuple(_controller(one) for one in found),
    )


def _controller(found: Json) -> Controller:
    return Controller(
        namespace=found["metadata"]["namespace"],
        name=found["metadata"]["name"],
        image=found["spec"]["template"]["spec"]["containers"][0]["image"],
        ready=(found.get("status") or {}).get("readyReplicas", 0),
        wanted=found["spec"].get("replicas", 1),
    )


def server(reader: Reader, wanted: Wanted) -> ServerFacts:
    """The Cluster and what belongs to it. Raises UnseenError."""
    if reader.get(f"/api/v1/namespaces/{wanted.namespace}") is None:
        return ServerFacts(namespace_there=False)
    found = reader.get(f"{GROUP}/namespaces/{wanted.namespace}/clusters/{wanted.server}")
    if found is None:
        return ServerFacts(namespace_there=True)
    selector = f"cnpg.io/cluster={wanted.server}"
    policies = reader.items(f"/apis/networking.k8s.io/v1/namespaces/{wanted.namespace}/networkpolicies")
    databases = reader.items(f"{GROUP}/namespaces/{wanted.namespace}/databases")
    return ServerFacts(
        namespace_there=True,
        cluster=_cluster(found),
        # Its instances: a Job's pod that failed is told with its Job.
        pods=pods(reader, wanted.namespace, f"{selector},cnpg.io/podRole=instance"),
        claims=_claims(reader, wanted.namespace, selector),
        service=_service(reader, wanted.namespace, f"{wanted.server}-rw"),
        policies=tuple(policies),
        databases={one["metadata"]["name"]: _applied(one) for one in databases},
    )


def _cluster(found: Json) -> PostgresCluster:
    status = found.get("status") or {}
    managed = status.get("managedRolesStatus") or {}
    return PostgresCluster(
        phase=status.get("phase", ""),
        reason=status.get("phaseReason", ""),
        ready=status.get("readyInstances", 0),
        primary=status.get("currentPrimary", ""),
        conditions=tuple(condition(one) for one in conditions_of(found)),
        roles={role: state for state, names in (managed.get("byStatus") or {}).items() for role in names},
        refused={role: "; ".join(said) for role, said in (managed.get("cannotReconcile") or {}).items()},
        fenced=bool((found["metadata"].get("annotations") or {}).get(FENCED)),
    )


def _applied(database: Json) -> Condition:
    status: dict[str, Any] = database.get("status") or {}
    return Condition(type="applied", status=str(bool(status.get("applied"))), message=status.get("message", ""))


def _claims(reader: Reader, namespace: str, selector: str) -> tuple[Claim, ...]:
    found = reader.items(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", labelSelector=selector)
    return tuple(_claim(reader, one) for one in found)


def _claim(reader: Reader, found: Json) -> Claim:
    meta, status = found["metadata"], found.get("status") or {}
    phase = status.get("phase", "Unknown")
    return Claim(
        namespace=meta["namespace"],
        name=meta["name"],
        phase=phase,
        wanted=found["spec"]["resources"]["requests"]["storage"],
        capacity=(status.get("capacity") or {}).get("storage", ""),
        conditions=tuple(condition(one) for one in conditions_of(found)),
        event="" if phase == "Bound" else _last_event(reader, meta["namespace"], meta["uid"]),
    )


def _last_event(reader: Reader, namespace: str, uid: str) -> str:
    events = reader.items(f"/api/v1/namespaces/{namespace}/events", fieldSelector=f"involvedObject.uid={uid}")
    newest = max(events, key=lambda one: str(one.get("lastTimestamp") or ""), default=None)
    return f"{newest.get('reason', '')}: {newest.get('message', '')}" if newest else ""


def _service(reader: Reader, namespace: str, name: str) -> Service | None:
    found = reader.get(f"/api/v1/namespaces/{namespace}/services/{name}")
    if found is None:
        return None
    slices = reader.items(
        f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices",
        labelSelector=f"kubernetes.io/service-name={name}",
    )
    ends = [end for one in slices for end in one.get("endpoints") or []]
    # Unset is to be taken for ready, by the API's own words.
    ready = sum((end.get("conditions") or {}).get("ready") is not False for end in ends)
    return Service(name=name, selector=found["spec"].get("selector") or {}, ready=ready, not_ready=len(ends) - ready)
