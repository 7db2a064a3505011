"""Is each application's database there, the right owner's, and closed to everybody else? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from components.postgres.statements import identifier
from tools.doctor import typed
from tools.doctor.facts import ApplicationFacts, Database, Facts, PostgresFacts, ServerFacts, Unseen
from tools.doctor.finding import About, Finding, Subject


def check(facts: Facts) -> Iterator[Finding]:
    """For each application the Database object and the database itself."""
    for application in facts.applications:
        if isinstance(application, Unseen):
            continue  # checks.applications says so
        if isinstance(facts.server, ServerFacts):
            yield _object(facts, application, facts.server)
        if isinstance(facts.postgres, Unseen):
            yield _about(application, "database", "pg_database").unseen(facts.postgres.why)
        else:
            yield from _itself(facts, application, facts.postgres)


def _about(application: ApplicationFacts, check: str, looked_at: str) -> About:
    return About(subject=Subject.APPLICATION, check=check, looked_at=looked_at, name=application.wanted.name)


def _object(facts: Facts, application: ApplicationFacts, server: ServerFacts) -> Finding:
    name, wanted = application.wanted.name, facts.wanted
    about = _about(application, "database-object", f"Database {wanted.namespace}/{name}")
    status = server.databases.get(name)
    if status is None:
        why = "the operator doesn't know of the database"
        return about.fault("it is not there", why, typed.refresh(wanted))
    if status.status != "True":
        described = typed.describe(wanted, wanted.namespace, f"databases.postgresql.cnpg.io {name}")
        return about.fault(f"not applied: {status.message or 'no message'}", "the operator can't make it so", described)
    return about.ok("applied")


def _itself(facts: Facts, application: ApplicationFacts, postgres: PostgresFacts) -> Iterator[Finding]:
    its, wanted = application.wanted, facts.wanted
    about = _about(application, "database", f"database {its.database}")
    database = postgres.databases.get(its.database)
    if database is None:
        command = typed.make("privileges", wanted, APP=its.name)
        yield about.fault("it is not there", "the application has nowhere to connect to", command)
        return
    if database.owner != its.roles.owner:
        statement = f"ALTER DATABASE {identifier(its.database)} OWNER TO {identifier(its.roles.owner)}"
        why = "migrations run as the owner, and would be refused"
        yield about.fault(f"belongs to {database.owner}, not {its.roles.owner}", why, typed.sql(facts, statement))
    else:
        yield about.ok(f"there, belongs to {database.owner}")
    yield _public(facts, application, database)
    yield from _connect(facts, application, postgres, database)


def _public(facts: Facts, application: ApplicationFacts, database: Database) -> Finding:
    its = application.wanted
    about = _about(application, "public", f"rights of PUBLIC on {its.database}")
    if database.public_connects:
        statement = f"REVOKE ALL ON DATABASE {identifier(its.database)} FROM PUBLIC"
        why = "every role of the server, each pull request's included, gets in"
        return about.fault("PUBLIC may connect", why, typed.sql(facts, statement))
    return about.ok("PUBLIC may not connect")


def _connect(
    facts: Facts, application: ApplicationFacts, postgres: PostgresFacts, database: Database
) -> Iterator[Finding]:
    its = application.wanted
    refused = [role for role in its.logins if role in postgres.roles and role not in database.connects]
    if refused and not database.public_connects:
        about = _about(application, "connect", f"rights on {its.database}")
        command = typed.make("privileges", facts.wanted, APP=its.name)
        yield about.fault(f"no CONNECT for {', '.join(refused)}", "its login is refused", command)
