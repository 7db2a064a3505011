"""What a server's catalog says of an application's database, and where that differs from the plan. Pure.

The queries are here as text; whoever runs them hands back their one value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.postgres import rights
from components.postgres.database_plan import DatabasePlan
from components.postgres.privileges import PUBLIC

SERVER_QUERY = """
SELECT jsonb_build_object(
  'version', current_setting('server_version_num')::int / 10000,
  'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
  'member', coalesce((SELECT pg_has_role(oid, 'USAGE') FROM pg_roles WHERE rolname = %(owner)s), false),
  'roles', (SELECT jsonb_object_agg(rolname, jsonb_build_object(
      'login', rolcanlogin, 'inherit', rolinherit, 'limit', rolconnlimit,
      'expires', rolvaliduntil IS NOT NULL AND rolvaliduntil <> 'infinity',
      'settings', coalesce(to_jsonb(rolconfig), '[]'),
      'powers', to_jsonb(array_remove(ARRAY[
          CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
          CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
          CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL)),
      'comment', shobj_description(oid, 'pg_authid')))
    FROM pg_roles WHERE rolname = ANY (%(roles)s)),
  'memberships', (SELECT jsonb_agg(to_jsonb(m) || jsonb_build_object(
      'role', pg_get_userbyid(m.roleid), 'member', pg_get_userbyid(m.member), 'grantor', pg_get_userbyid(m.grantor)))
    FROM pg_auth_members m WHERE pg_get_userbyid(m.member) = ANY (%(mine)s)),
  'database', (SELECT jsonb_build_object('owner', pg_get_userbyid(datdba), 'acl', (
      SELECT jsonb_agg(ARRAY[CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee) END, privilege_type])
      FROM aclexplode(coalesce(datacl, acldefault('d', datdba)))))
    FROM pg_database WHERE datname = %(database)s))
"""
"""Run in any database, with `parameters(...)`. `to_jsonb(m)`: its columns differ between versions."""

VERIFIERS_QUERY = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY (%(mine)s)"
"""For superusers: what each role's password is checked against."""

INSIDE_QUERY = """
SELECT jsonb_build_object(
  'extensions', (SELECT jsonb_agg(extname) FROM pg_extension),
  'schemas', (SELECT jsonb_object_agg(nspname, jsonb_build_object('owner', pg_get_userbyid(nspowner), 'acl', (
      SELECT jsonb_agg(ARRAY[CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee) END, privilege_type])
      FROM aclexplode(coalesce(nspacl, acldefault('n', nspowner))))))
    FROM pg_namespace WHERE nspname = ANY (%(schemas)s)),
  'defaults', (SELECT jsonb_agg(jsonb_build_object(
      'on', CASE defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' ELSE 'function' END,
      'schema', coalesce(nspname, ''), 'acl', (
      SELECT coalesce(jsonb_agg(ARRAY[
          CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee) END, privilege_type]), '[]')
      FROM aclexplode(defaclacl))))
    FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace
    WHERE pg_get_userbyid(defaclrole) = %(owner)s AND defaclobjtype IN ('r', 'S', 'f')))
"""
"""Run in the application's database, with `parameters(...)`."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role as it is."""

    login: bool
    inherit: bool
    limit: int
    expires: bool
    settings: tuple[str, ...]
    """`name=value`, as `ALTER ROLE SET` keeps them for every database."""
    powers: tuple[str, ...]
    """SQL's words for what reaches beyond a database: SUPERUSER, CREATEDB …"""
    comment: str


@dataclass(frozen=True, kw_only=True)
class Membership:
    """That `member` was granted `role`."""

    role: str
    member: str
    grantor: str
    admin: bool
    inherit: bool | None
    """Whether the role's rights come without SET ROLE; None in PostgreSQL 15, which asks the member's own INHERIT."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The server's part. As it is by default: nothing is there yet."""

    version: int = 18
    superuser: bool = True
    """Whether the administrator is one."""
    member: bool = False
    """Whether the administrator may act as the owner."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    memberships: tuple[Membership, ...] = ()
    """Those of the plan's roles in others."""
    owner: str = ""
    """The database's; empty where there is none."""
    acl: frozenset[tuple[str, str]] = frozenset()
    """Role and privilege on the database."""


@dataclass(frozen=True, kw_only=True)
class Inside:
    """The database's part."""

    extensions: frozenset[str]
    schemas: Mapping[str, str]
    """Each schema's owner."""
    schema_acls: Mapping[str, frozenset[tuple[str, str]]]
    defaults: Mapping[tuple[str, str], frozenset[tuple[str, str]]]
    """By kind of object and schema."""


def parameters(plan: DatabasePlan, former: DatabasePlan | None = None) -> dict[str, Any]:
    """What the queries ask about: the plan, and the roles that the plan before it named."""
    named = {entry.role for one in (plan, former) if one for entry in one.privileges.grants}
    return {
        "database": plan.database,
        "owner": plan.roles.owner,
        "mine": list(plan.every_role),
        "roles": sorted({*plan.every_role, *named}),
        "schemas": ["public", *plan.schemas],
    }


def found(answer: Mapping[str, Any]) -> Found:
    """What `SERVER_QUERY` answered."""
    database = answer["database"] or {}
    return Found(
        version=answer["version"],
        superuser=answer["superuser"],
        member=answer["member"],
        roles={
            name: Role(
                login=role["login"],
                inherit=role["inherit"],
                limit=role["limit"],
                expires=role["expires"],
                settings=tuple(role["settings"]),
                powers=tuple(role["powers"]),
                comment=role["comment"] or "",
            )
            for name, role in (answer["roles"] or {}).items()
        },
        memberships=tuple(
            Membership(
                role=row["role"],
                member=row["member"],
                grantor=row["grantor"],
                admin=row["admin_option"],
                inherit=row.get("inherit_option"),
            )
            for row in answer["memberships"] or ()
        ),
        owner=database.get("owner", ""),
        acl=_acl(database.get("acl")),
    )


def inside(answer: Mapping[str, Any]) -> Inside:
    """What `INSIDE_QUERY` answered."""
    schemas = answer["schemas"] or {}
    return Inside(
        extensions=frozenset(answer["extensions"] or ()),
        schemas={name: schema["owner"] for name, schema in schemas.items()},
        schema_acls={name: _acl(schema["acl"]) for name, schema in schemas.items()},
        defaults={(row["on"], row["schema"]): _acl(row["acl"]) for row in answer["defaults"] or ()},
    )


def _acl(rows: Any) -> frozenset[tuple[str, str]]:
    return frozenset((role, privilege) for role, privilege in rows or ())


def drift(plan: DatabasePlan, there: Found, within: Inside | None) -> list[str]:
    """Where the server differs from the plan, in words; `within` is None where the database can't be looked into."""
    return [*_roles(plan, there), *_memberships(plan, there), *_database(plan, there), *_inside(plan, within)]


def settings(plan: DatabasePlan) -> dict[str, str]:
    """What each login's sessions begin with."""
    return {
        "statement_timeout": str(plan.statement_timeout_ms),
        "idle_in_transaction_session_timeout": str(plan.idle_in_transaction_timeout_ms),
    }


def _roles(plan: DatabasePlan, there: Found) -> Iterator[str]:
    for name in plan.every_role:
        role = there.roles.get(name)
        if role is None:
            yield f"role {name} missing"
            continue
        logs_in = name in plan.logins
        if role.login != logs_in:
            yield f"role {name} {'cannot' if logs_in else 'can'} log in"
        yield from (f"role {name} has {power}" for power in role.powers)
        if logs_in:
            yield from _login(plan, name, role)


def _login(plan: DatabasePlan, name: str, role: Role) -> Iterator[str]:
    if role.inherit != (name in plan.heirs):
        yield f"role {name} has {'INHERIT' if role.inherit else 'NOINHERIT'}"
    if role.expires:
        yield f"role {name} has a password that expires"
    if role.limit != plan.connection_limit:
        yield f"role {name} has connection limit {role.limit}"
    its = dict(setting.split("=", 1) for setting in role.settings)
    for setting, value in settings(plan).items():
        if its.get(setting) != value:
            yield f"role {name} has {setting} {its.get(setting, 'unset')}"


def _memberships(plan: DatabasePlan, there: Found) -> Iterator[str]:
    yield from (f"role {member} is no member of {role}" for role, member in missing(plan, there))
    for one in there.memberships:
        if not is_wanted(plan, one):
            option = " with admin option" if one.admin else " with inherit option" if one.inherit else ""
            yield f"role {one.member} is a member of {one.role}{option}"


def is_wanted(plan: DatabasePlan, one: Membership) -> bool:
    """Whether it is in the plan, with no further option: an heir inherits, any other member has to SET ROLE."""
    inherits = one.member in plan.heirs
    return (one.role, one.member) in plan.memberships and not one.admin and one.inherit in (None, inherits)


def missing(plan: DatabasePlan, there: Found) -> list[tuple[str, str]]:
    """The memberships in the plan, each a role with its member, that aren't there as they are meant."""
    has = {(one.role, one.member) for one in there.memberships if is_wanted(plan, one)}
    return [pair for pair in plan.memberships if pair not in has]


def _database(plan: DatabasePlan, there: Found) -> Iterator[str]:
    if not there.owner:
        yield f"database {plan.database} missing"
        return
    if there.owner != plan.roles.owner:
        yield f"database {plan.database} owned by {there.owner}"
    for one in rights.granted(plan):
        if one.object_type == "database":
            yield from _compared(one, there.acl, plan.database)


def _inside(plan: DatabasePlan, within: Inside | None) -> Iterator[str]:
    if within is None:
        return
    yield from (f"extension {name} missing" for name in plan.extensions if name not in within.extensions)
    for schema in plan.schemas:
        if schema not in within.schemas:
            yield f"schema {schema} missing"
        elif within.schemas[schema] != plan.roles.owner:
            yield f"schema {schema} owned by {within.schemas[schema]}"
    for one in rights.granted(plan):
        if one.object_type == "schema" and one.schema in within.schemas:
            yield from _compared(one, within.schema_acls[one.schema], f"schema {one.schema}")
    for one in rights.defaults(plan):
        # Without an entry of its own, a kind of object has the built-in rights in every schema, and no more in one.
        built_in = () if one.schema else rights.BUILT_IN[one.object_type]
        acl = within.defaults.get((one.object_type, one.schema), frozenset((PUBLIC, its) for its in built_in))
        where = f" in {one.schema}" if one.schema else ""
        yield from _compared(one, acl, f"{one.object_type}s to come{where}")


def _compared(one: rights.Rights, acl: frozenset[tuple[str, str]], where: str) -> Iterator[str]:
    for role, wanted in sorted(one.of.items()):
        has = {privilege for grantee, privilege in acl if grantee == role}
        name = "PUBLIC" if role == PUBLIC else role
        yield from (f"{its} on {where} granted to {name}" for its in sorted(has - set(wanted)))
        yield from (f"{its} on {where} missing for {name}" for its in sorted(set(wanted) - has))
