"""An application's database as one psql script, for a server that only a job beside it reaches. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from components.names import BRANCHER
from components.postgres.catalog import Found, Role, settings
from components.postgres.database_plan import DatabasePlan
from components.postgres.statements import Statements, drop, identifier, literal, mark, render

ROLE_SECONDS = 120
"""How long somebody else may take to make a role that is waited for."""
_VISITORS = (BRANCHER, "streaming_replica")
_POWERS = ("SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS")


def script(plan: DatabasePlan, verifiers: Mapping[str, str], *, version: int) -> str:
    """The text for `psql --no-psqlrc`, run by a superuser in any other database of a server of that major version.

    It may be run any number of times. It stops, with nothing done, where the database is there and isn't the plan's
    owner's, or a role is there without the mark. `verifiers` are what passwords are checked against, by role; a role
    that isn't among them keeps its own.
    """
    steps = render(plan, _assumed(plan, version), verifiers)
    return "\n".join(_lines(plan, steps)) + "\n"


def server_script(databases: Sequence[str]) -> str:
    """The text for `psql --no-psqlrc` that closes `databases`, which are no application's; it may be run again.

    A new role may otherwise connect to each of them. The brancher, who is waited for, works from the first. There an
    old primary asks, as the role that replicates, whether the new one is up before it follows it.
    """
    revoked = (f"REVOKE ALL ON DATABASE {identifier(name)} FROM PUBLIC" for name in databases)
    granted = (f"GRANT CONNECT ON DATABASE {identifier(databases[0])} TO {identifier(role)}" for role in _VISITORS)
    lines = [r"\set ON_ERROR_STOP on", _wait_for(BRANCHER), *_ended([*granted, *revoked])]
    return "\n".join(lines) + "\n"


def _wait_for(role: str) -> str:
    there = f"EXIT WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = {literal(role)})"
    body = f"BEGIN FOR second IN 1..{ROLE_SECONDS} LOOP {there}; PERFORM pg_sleep(1); END LOOP; END"
    return f"DO {literal(body)};"


def removal(plan: DatabasePlan, *, version: int) -> str:
    """The text for `psql --no-psqlrc`, run as above, that drops the database with the sessions in it, then the roles.

    It stops before it drops anything where one of them isn't the plan's.
    """
    _, database, roles = drop(plan, _assumed(plan, version))
    return "\n".join([r"\set ON_ERROR_STOP on", *_refusals(plan), *_ended([database, *roles])]) + "\n"


def _assumed(plan: DatabasePlan, version: int) -> Found:
    """A script can't look first: everything is there, and has every power that a role must not have."""
    role = Role(
        login=True,
        inherit=True,
        limit=-1,
        expires=False,
        settings=tuple(f"{name}={value}" for name, value in settings(plan).items()),
        powers=_POWERS,
        comment=mark(plan),
    )
    return Found(version=version, roles=dict.fromkeys(plan.every_role, role), owner=plan.roles.owner)


def _lines(plan: DatabasePlan, steps: Statements) -> Iterator[str]:
    database, owner = plan.database, plan.roles.owner
    yield r"\set ON_ERROR_STOP on"
    yield from _refusals(plan)
    yield "BEGIN;"
    for role in plan.every_role:
        absent = f"WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal(role)})"
        both = f"CREATE ROLE {identifier(role)}; COMMENT ON ROLE {identifier(role)} IS {literal(mark(plan))}"
        yield rf"SELECT {literal(both)} {absent} \gexec"
    roles = ", ".join(literal(role) for role in plan.every_role)
    yield "SELECT format('REVOKE %I FROM %I CASCADE', pg_get_userbyid(roleid), pg_get_userbyid(member))"
    yield rf"  FROM pg_auth_members WHERE pg_get_userbyid(member) IN ({roles}) \gexec"
    yield from _ended(steps.roles)
    yield "COMMIT;"
    create = f"CREATE DATABASE {identifier(database)} OWNER {identifier(owner)} TEMPLATE template0 ENCODING 'UTF8'"
    absent = f"WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = {literal(database)})"
    yield rf"SELECT {literal(create)} {absent} \gexec"
    yield "BEGIN;"
    yield from _ended(steps.access)
    yield "COMMIT;"
    yield rf"\connect {identifier(database)}"
    yield "BEGIN;"
    yield from _ended(steps.inside)
    yield "COMMIT;"


def _refusals(plan: DatabasePlan) -> Iterator[str]:
    database, owner = literal(plan.database), literal(plan.roles.owner)
    foreign = f"SELECT FROM pg_database WHERE datname = {database} AND pg_get_userbyid(datdba) <> {owner}"
    yield _refusal(foreign, f"database {plan.database} is there and belongs to somebody else: it is left alone")
    for role in plan.every_role:
        marked = f"shobj_description(oid, 'pg_authid') IS DISTINCT FROM {literal(mark(plan))}"
        unmarked = f"SELECT FROM pg_roles WHERE rolname = {literal(role)} AND {marked}"
        yield _refusal(unmarked, f"role {role} is there and wasn't made for {plan.database}: it is left alone")


def _refusal(query: str, message: str) -> str:
    body = f"BEGIN IF EXISTS ({query}) THEN RAISE EXCEPTION USING MESSAGE = {literal(message)}; END IF; END"
    return f"DO {literal(body)};"


def _ended(statements: Iterable[str]) -> Iterator[str]:
    yield from (f"{statement};" for statement in statements)
