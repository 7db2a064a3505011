"""An application's database as SQL: what pulumi-postgresql resources do one by one, in a few steps. Pure.

Every statement can be run again, so that an interrupted run is repaired by the next one. What the plan says holds
exactly afterwards: the rights of its roles and of PUBLIC beyond it are gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from components.postgres import catalog, rights
from components.postgres.catalog import Found
from components.postgres.database_plan import DatabasePlan
from components.postgres.privileges import PUBLIC

_OBJECTS = {"table": "TABLES", "sequence": "SEQUENCES", "function": "FUNCTIONS"}
_FIRST_WITH_OPTIONS = 16
"""The first major version in which a membership has options of its own beside ADMIN."""


@dataclass(frozen=True, kw_only=True)
class Statements:
    """The steps, in order. A step is one transaction; only `create` can't be in one, and is empty where it is done."""

    roles: tuple[str, ...]
    """In any database: roles and memberships."""
    create: str
    access: tuple[str, ...]
    """In any database: who may connect. Directly after `create`: a new database is open to PUBLIC."""
    inside: tuple[str, ...]
    """In the application's own database."""


def identifier(name: str) -> str:
    """`name` as an identifier, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """`value` as a string constant, whatever is in it and however the server reads backslashes."""
    quoted = "'" + value.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted


def mark(plan: DatabasePlan) -> str:
    """The comment of each role that was made for the database: who looks at the server sees what the role is for."""
    return f"socle: {plan.database}"


def render(
    plan: DatabasePlan, there: Found, verifiers: Mapping[str, str], former: DatabasePlan | None = None
) -> Statements:
    """What makes a server on which `there` was found what the plan says.

    `verifiers` are what passwords are checked against, by role; a role that isn't among them keeps its own. What
    `former`, the plan of last time, gave and this one doesn't is taken back.
    """
    return Statements(
        roles=tuple(_roles(plan, there, verifiers)),
        create="" if there.owner else _create(plan),
        access=tuple(_access(plan, there, former)),
        inside=tuple(_inside(plan, there, former)),
    )


def names(plan: DatabasePlan) -> tuple[tuple[str, str], ...]:
    """Every name on the server that the plan takes, each with SQL's word for what it is; the database first."""
    return (("DATABASE", plan.database), *(("ROLE", role) for role in plan.every_role))


def rename(plan: DatabasePlan, former: DatabasePlan, there: Found) -> tuple[str, ...]:
    """What gives the database and the roles of `former`, as far as they are there, the plan's names."""
    present = {("ROLE", role) for role in there.roles} | ({("DATABASE", former.database)} if there.owner else set())
    # A database is renamed by a member of its owner; that the administrator becomes one comes later otherwise.
    helped = () if there.superuser or there.member or not there.roles else (_act_as(former.roles.owner, there),)
    return (
        *helped,
        *(
            f"ALTER {kind} {identifier(old)} RENAME TO {identifier(new)}"
            for (kind, old), (_, new) in zip(names(former), names(plan), strict=True)
            if old != new and (kind, old) in present
        ),
    )


def drop(plan: DatabasePlan, there: Found) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """Three steps: what the administrator needs, the database's end (in no transaction), the roles' end."""
    mine = [name for name in plan.every_role if name in there.roles]
    # Only who may act as a role may end its sessions and drop what it owns.
    helped = () if there.superuser else tuple(_act_as(name, there) for name in mine)
    database = f"DROP DATABASE IF EXISTS {identifier(plan.database)} WITH (FORCE)" if there.owner else ""
    # The owner last: it is the one in which the others are members.
    roles = tuple(f"DROP ROLE IF EXISTS {identifier(name)}" for name in reversed(mine))
    return helped, database, roles


def _create(plan: DatabasePlan) -> str:
    owner = identifier(plan.roles.owner)
    return f"CREATE DATABASE {identifier(plan.database)} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'"


def _roles(plan: DatabasePlan, there: Found, verifiers: Mapping[str, str]) -> Iterator[str]:
    for name in plan.every_role:
        if name not in there.roles:
            yield f"CREATE ROLE {identifier(name)}"
        if name not in there.roles or there.roles[name].comment != mark(plan):
            yield f"COMMENT ON ROLE {identifier(name)} IS {literal(mark(plan))}"
        yield f"ALTER ROLE {identifier(name)} {_attributes(plan, name, there, verifiers)}"
        if name in plan.logins:
            for setting, value in catalog.settings(plan).items():
                yield f"ALTER ROLE {identifier(name)} SET {setting} = {value}"
    yield from _memberships(plan, there)


def _attributes(plan: DatabasePlan, name: str, there: Found, verifiers: Mapping[str, str]) -> str:
    # An attribute that the administrator lacks may not even be denied to others, so only what is there is taken.
    powers = there.roles[name].powers if name in there.roles else ()
    words = [f"NO{power}" for power in powers]
    if name not in plan.logins:
        return " ".join(["NOLOGIN", *words])
    inherit = "INHERIT" if name in plan.heirs else "NOINHERIT"
    words += ["LOGIN", inherit, f"CONNECTION LIMIT {plan.connection_limit}", "VALID UNTIL 'infinity'"]
    if name in verifiers:
        words.append(f"PASSWORD {literal(verifiers[name])}")
    return " ".join(words)


def _memberships(plan: DatabasePlan, there: Found) -> Iterator[str]:
    options = there.version >= _FIRST_WITH_OPTIONS
    for one in there.memberships:
        if not catalog.is_wanted(plan, one):
            by = f" GRANTED BY {identifier(one.grantor)}" if options else ""
            yield f"REVOKE {identifier(one.role)} FROM {identifier(one.member)}{by} CASCADE"
    for role, member in catalog.missing(plan, there):
        # An heir may SET ROLE as well, or it could not go on to the owner.
        how = f" WITH INHERIT {str(member in plan.heirs).upper()}, SET TRUE" if options else ""
        yield f"GRANT {identifier(role)} TO {identifier(member)}{how}"
    if not (there.superuser or there.member):
        # Only who may act as a role may give it a database.
        yield _act_as(plan.roles.owner, there)


def _act_as(role: str, there: Found) -> str:
    how = " WITH INHERIT TRUE, SET TRUE" if there.version >= _FIRST_WITH_OPTIONS else ""
    return f"GRANT {identifier(role)} TO CURRENT_USER{how}"


def _access(plan: DatabasePlan, there: Found, former: DatabasePlan | None) -> Iterator[str]:
    if there.owner and there.owner != plan.roles.owner:
        yield f"ALTER DATABASE {identifier(plan.database)} OWNER TO {identifier(plan.roles.owner)}"
    for one in rights.granted(plan, former.privileges.grants if former else ()):
        if one.object_type == "database":
            yield from _granted(f"DATABASE {identifier(plan.database)}", one, there)


def _inside(plan: DatabasePlan, there: Found, former: DatabasePlan | None) -> Iterator[str]:
    owner = identifier(plan.roles.owner)
    # Whatever the application has defined must not stand for what is meant here.
    yield "SET LOCAL search_path = public"
    for name in former.extensions if former else ():
        if name not in plan.extensions:
            yield f"DROP EXTENSION IF EXISTS {identifier(name)}"
    yield from (f"CREATE EXTENSION IF NOT EXISTS {identifier(name)}" for name in plan.extensions)
    yield "SET LOCAL search_path = pg_catalog"
    if not there.superuser:
        yield f"SET LOCAL ROLE {owner}"
    for schema in plan.schemas:
        yield f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)} AUTHORIZATION {owner}"
        yield f"ALTER SCHEMA {identifier(schema)} OWNER TO {owner}"
    gone = [schema for schema in (former.schemas if former else ()) if schema not in plan.schemas]
    yield from (f"DROP SCHEMA IF EXISTS {identifier(schema)}" for schema in gone)
    for one in rights.granted(plan, former.privileges.grants if former else ()):
        if one.object_type != "database" and one.schema not in gone:
            yield from _granted(_target(one), one, there)
    for one in rights.defaults(plan, former.privileges.default_privileges if former else ()):
        if one.schema not in gone:
            yield from _defaults(owner, one, there)


def _target(one: rights.Rights) -> str:
    schema = identifier(one.schema)
    return f"SCHEMA {schema}" if one.object_type == "schema" else f"ALL {_OBJECTS[one.object_type]} IN SCHEMA {schema}"


def _granted(target: str, one: rights.Rights, there: Found) -> Iterator[str]:
    if grantees := _grantees(one, there):
        yield f"REVOKE ALL ON {target} FROM {grantees} CASCADE"
    for role, privileges in one.of.items():
        if privileges:
            yield f"GRANT {', '.join(privileges)} ON {target} TO {_grantee(role)}"


def _defaults(owner: str, one: rights.Rights, there: Found) -> Iterator[str]:
    within = f" IN SCHEMA {identifier(one.schema)}" if one.schema else ""
    head, objects = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner}{within}", _OBJECTS[one.object_type]
    if grantees := _grantees(one, there):
        yield f"{head} REVOKE ALL ON {objects} FROM {grantees} CASCADE"
    for role, privileges in one.of.items():
        if privileges:
            yield f"{head} GRANT {', '.join(privileges)} ON {objects} TO {_grantee(role)}"


def _grantees(one: rights.Rights, there: Found) -> str:
    # A role that had rights and was dropped has none left, and naming it would be an error.
    known = [role for role, its in one.of.items() if its or role in there.roles or role == PUBLIC]
    return ", ".join(_grantee(role) for role in known)


def _grantee(role: str) -> str:
    return "PUBLIC" if role == PUBLIC else identifier(role)
