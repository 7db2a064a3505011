"""Seed 001, “secret non synchronisé”: do Secret, role and application agree on the password? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tools.doctor import typed
from tools.doctor.facts import ApplicationFacts, Credentials, Facts, Unseen
from tools.doctor.finding import About, Finding, Subject

WRONG_PASSWORD = "password authentication failed"  # noqa: S105 - what PostgreSQL says


def check(facts: Facts) -> Iterator[Finding]:
    """For each application the Secrets of its roles, then its own."""
    for application in facts.applications:
        if isinstance(application, Unseen):
            continue  # checks.applications says so
        for credentials in application.credentials:
            yield from _credentials(facts, application, credentials)
        yield from _own(facts, application)
        yield _trust(facts, application)


def _about(application: ApplicationFacts, check: str, looked_at: str) -> About:
    return About(subject=Subject.APPLICATION, check=check, looked_at=looked_at, name=application.wanted.name)


def _credentials(facts: Facts, application: ApplicationFacts, found: Credentials) -> Iterator[Finding]:
    wanted = facts.wanted
    about = _about(application, "credentials", f"Secret {wanted.namespace}/{found.secret}")
    if not found.there:
        yield about.fault("it is not there", "the operator has no password for the role", typed.refresh(wanted))
        return
    if not found.complete:
        why = "the operator takes username and password from it"
        yield about.fault(f"its username is not {found.role}, or a key is missing", why, typed.refresh(wanted))
        return
    if not found.labelled:
        label = typed.kubectl(wanted, wanted.namespace, f"label secret {found.secret} cnpg.io/reload=true")
        why = "a changed password never reaches the role"
        yield about.fault("the label cnpg.io/reload is missing", why, label)
    yield _login(facts, application, found)


def _login(facts: Facts, application: ApplicationFacts, found: Credentials) -> Finding:
    wanted = facts.wanted
    about = _about(application, "login", f"login as {found.role} with the password of {found.secret}")
    if found.login is None:
        return about.unseen("PostgreSQL was not asked")
    if isinstance(facts.postgres, Unseen):
        return about.unseen(facts.postgres.why)
    if found.login.ok:
        return about.ok("it works" + ("" if found.login.by_service else ", past the Service"))
    if WRONG_PASSWORD in found.login.said:
        # PostgreSQL says the same of a role that isn't there.
        if found.role not in facts.postgres.roles:
            command = typed.make("privileges", wanted, APP=application.wanted.name)
            return about.fault(f"the role {found.role} does not exist", "the login is refused", command)
        command = typed.reconcile(wanted)
        if not found.labelled:
            command = typed.kubectl(wanted, wanted.namespace, f"label secret {found.secret} cnpg.io/reload=true")
        return about.fault("the Secret's password is not the role's", "whoever reads the Secret is refused", command)
    if "too many" in found.login.said:
        query = "SELECT usename, state, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC"
        return about.fault(found.login.said, "the application is refused likewise", typed.sql(facts, query))
    command = typed.make("privileges", wanted, APP=application.wanted.name)
    return about.fault(found.login.said, "the application is refused likewise", command)


def _own(facts: Facts, application: ApplicationFacts) -> Iterator[Finding]:
    namespace = application.wanted.namespace
    if application.namespace_labels is None:
        return  # checks.network says so
    command = typed.refresh(facts.wanted)
    for secret in application.secrets:
        about = _about(application, "application-secret", f"Secret {namespace}/{secret.name}")
        if not secret.there:
            yield about.fault("it is not there", "its pods can't start", command)
        elif secret.missing:
            yield about.fault(f"without {', '.join(secret.missing)}", "the application misses variables", command)
        elif secret.stale:
            said = f"another password than the credentials': {', '.join(secret.stale)}"
            yield about.fault(said, "the application logs in with what is no longer right", command)
        else:
            yield about.ok("as the credentials have it")


def _trust(facts: Facts, application: ApplicationFacts) -> Finding:
    found = application.trust
    about = _about(application, "trust", f"ConfigMap {application.wanted.namespace}/socle-ca")
    if not found.there:
        return about.fault("it is not there", "pods that mount it can't start", typed.refresh(facts.wanted))
    if found.verifies is None:
        return about.unseen(found.reason)
    if not found.verifies:
        why = "a client that verifies the server refuses to connect"
        return about.fault(found.reason, why, typed.refresh(facts.wanted))
    return about.ok("its certificate verifies the server's")
