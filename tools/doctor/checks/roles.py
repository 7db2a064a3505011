"""Seed 001, “role does not exist”: is every role there, and does the operator keep it? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tools.doctor import typed
from tools.doctor.facts import ApplicationFacts, Facts, PostgresCluster, PostgresFacts, ServerFacts, Unseen
from tools.doctor.finding import About, Finding, Subject

KEPT = "reconciled"
NEAR = 0.8


def check(facts: Facts) -> Iterator[Finding]:
    """For each application its three roles, in PostgreSQL and with the operator."""
    cluster = facts.server.cluster if isinstance(facts.server, ServerFacts) else None
    for application in facts.applications:
        if isinstance(application, Unseen):
            continue  # checks.applications says so
        if isinstance(facts.postgres, Unseen):
            yield _about(application, "roles", "pg_roles").unseen(facts.postgres.why)
        else:
            yield from _there(facts, application, facts.postgres)
        if cluster:
            yield from _kept(facts, application, cluster)


def _about(application: ApplicationFacts, check: str, looked_at: str) -> About:
    return About(subject=Subject.APPLICATION, check=check, looked_at=looked_at, name=application.wanted.name)


def _every(application: ApplicationFacts) -> tuple[str, ...]:
    roles = application.wanted.roles
    return roles.owner, roles.readwrite, roles.readonly


def _there(facts: Facts, application: ApplicationFacts, postgres: PostgresFacts) -> Iterator[Finding]:
    about = _about(application, "roles", "pg_roles")
    missing = [role for role in _every(application) if role not in postgres.roles]
    if missing:
        command = typed.make("privileges", facts.wanted, APP=application.wanted.name)
        yield about.fault(f"role missing: {', '.join(missing)}", "what logs in as it is refused", command)
    else:
        yield about.ok(f"{', '.join(_every(application))} are there")
    for name in application.wanted.logins:
        role = postgres.roles.get(name)
        if role and 0 < role.limit * NEAR <= role.sessions:
            about = _about(application, "role-connections", f"sessions of {name}")
            query = f"SELECT pid, state, query_start FROM pg_stat_activity WHERE usename = '{name}' ORDER BY 3"
            why = "at its limit the application is refused"
            yield about.warning(f"{role.sessions} of {role.limit} are used", why, typed.sql(facts, query))


def _kept(facts: Facts, application: ApplicationFacts, cluster: PostgresCluster) -> Iterator[Finding]:
    about = _about(application, "managed-roles", "the Cluster's managedRolesStatus")
    command = typed.reconcile(facts.wanted)
    every = _every(application)
    for role in every:
        if role in cluster.refused:
            yield about.fault(f"{role}: {cluster.refused[role]}", "the operator can't keep this role", command)
    pending = [role for role in every if role not in cluster.refused and cluster.roles.get(role, KEPT) != KEPT]
    if pending:
        why = "the operator has not made them as the settings want"
        yield about.warning(f"not yet as they should be: {', '.join(pending)}", why, command)
    unknown = [role for role in every if role not in cluster.roles and role not in cluster.refused]
    if unknown:
        why = "nobody keeps their passwords in step"
        yield about.fault(f"not managed: {', '.join(unknown)}", why, typed.make("up", facts.wanted))
    elif not pending and not any(role in cluster.refused for role in every):
        yield about.ok("the operator keeps all three")
