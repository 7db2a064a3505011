"""The PostgreSQL cluster's objects, its pods and volumes, and whether it answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tools.doctor import typed
from tools.doctor.checks.pods import pod_finding
from tools.doctor.facts import Claim, Facts, PostgresCluster, ServerFacts, Unseen, Wanted
from tools.doctor.finding import About, Finding, Subject

HEALTHY = "Cluster in healthy state"
NEAR = 0.8
"""Share of the connections: the one of the rule SocleConnectionsNearLimit."""


def check(facts: Facts) -> Iterator[Finding]:
    """The Cluster, its pods, its volumes, PostgreSQL itself."""
    found, wanted = facts.server, facts.wanted
    if isinstance(found, Unseen):
        yield _about("server", f"namespace {wanted.namespace}").unseen(found.why)
        return
    if not found.namespace_there or found.cluster is None:
        yield _absent(wanted, found)
        return
    yield from _cluster(wanted, found.cluster)
    if found.cluster.fenced:
        about = _about("server-fenced", "annotation cnpg.io/fencedInstances")
        words = f"annotate clusters.postgresql.cnpg.io {wanted.server} cnpg.io/fencedInstances-"
        why = "connection refused: PostgreSQL is stopped until it goes"
        yield about.fault("somebody has fenced the server", why, typed.kubectl(wanted, wanted.namespace, words))
    for pod in found.pods:
        about = _about("server-pods", f"pod {pod.name}")
        if problem := pod_finding(about, wanted, pod):
            yield problem
    if found.pods and all(pod.ready for pod in found.pods):
        yield _about("server-pods", f"pods of {wanted.server}").ok(f"{len(found.pods)} ready")
    for claim in found.claims:
        yield _claim(wanted, claim)
    yield from _postgres(facts)


def _about(check: str, looked_at: str) -> About:
    return About(subject=Subject.SERVER, check=check, looked_at=looked_at)


def _absent(wanted: Wanted, found: ServerFacts) -> Finding:
    what = f"no Cluster {wanted.server}" if found.namespace_there else f"no namespace {wanted.namespace}"
    about = _about("server", f"Cluster {wanted.namespace}/{wanted.server}")
    return about.fault(what, "no application has a database", typed.make("up", wanted))


def _cluster(wanted: Wanted, cluster: PostgresCluster) -> Iterator[Finding]:
    about = _about("server", f"Cluster {wanted.namespace}/{wanted.server}")
    described = typed.describe(wanted, wanted.namespace, f"clusters.postgresql.cnpg.io {wanted.server}")
    said = ": ".join(part for part in (cluster.phase or "no phase yet", cluster.reason) if part)
    counted = f"{cluster.ready} of {wanted.instances} instances ready"
    if cluster.phase == HEALTHY and cluster.ready >= wanted.instances:
        yield about.ok(f"{said}, {counted}, primary {cluster.primary}")
    elif cluster.ready:
        yield about.warning(f"{said}; {counted}", "a failover has fewer, or no, standbys to go to", described)
    else:
        yield about.fault(f"{said}; {counted}", "no application can connect", described)
    for condition in cluster.conditions:
        if condition.status == "False" and condition.type != "Ready":
            said = f"{condition.reason}: {condition.message}".strip(": ")
            about = _about("server-conditions", f"condition {condition.type}")
            yield about.warning(said or "False", "the operator can't do a part of its work", described)


def _claim(wanted: Wanted, claim: Claim) -> Finding:
    about = _about("server-volumes", f"volume {claim.name}")
    described = typed.describe(wanted, claim.namespace, f"pvc {claim.name}")
    if claim.phase != "Bound":
        return about.fault(f"{claim.phase}: {claim.event}".rstrip(": "), "its pod can't start", described)
    resizing = [one for one in claim.conditions if one.status == "True" and "resiz" in one.type.lower()]
    if resizing or (claim.capacity and claim.capacity != claim.wanted):
        said = "; ".join(f"{one.type} {one.message}".strip() for one in resizing)
        found = f"{claim.capacity}, and {claim.wanted} is asked for" + (f"; {said}" if said else "")
        return about.warning(found, "it is resizing, or its storage class can't grow", described)
    return about.ok(f"bound, {claim.capacity or claim.wanted}")


def _postgres(facts: Facts) -> Iterator[Finding]:
    found, wanted = facts.postgres, facts.wanted
    about = _about("postgres-answers", "psql in the primary's pod")
    if isinstance(found, Unseen):
        command = typed.logs(wanted, wanted.namespace, f"-l cnpg.io/cluster={wanted.server} -c postgres")
        yield about.fault(f"no answer: {found.why}", "roles, databases and logins could not be looked at", command)
        return
    yield about.ok(f"{len(found.roles)} roles, {len(found.databases)} databases")
    used, most = found.sessions, found.max_connections
    about = _about("connections", "pg_stat_activity, max_connections")
    if used >= most * NEAR:
        why = "at the limit every application is refused: docs/runbooks/socle-connections-near-limit.md"
        query = "SELECT datname, usename, state, count(*) FROM pg_stat_activity GROUP BY 1, 2, 3 ORDER BY 4 DESC"
        yield about.warning(f"{used} of {most} are used", why, typed.sql(facts, query))
    else:
        yield about.ok(f"{used} of {most} are used")
