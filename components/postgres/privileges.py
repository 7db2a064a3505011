"""The privilege plan of one application: who may do what in its database. Pure.

One plan serves every server: as pulumi-postgresql resources where the server is reachable, as SQL where it isn't. Each
entry lists its privileges (never ALL, which drifts: terraform-provider-postgresql#303), and none names the owner.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.names import RoleNames

PUBLIC = "public"

TABLES_READWRITE = ("DELETE", "INSERT", "SELECT", "UPDATE")
TABLES_READONLY = ("SELECT",)
SEQUENCES_READWRITE = ("SELECT", "UPDATE", "USAGE")
SEQUENCES_READONLY = ("SELECT",)
FUNCTIONS = ("EXECUTE",)

OBJECT_PRIVILEGES: dict[str, tuple[str, ...]] = {
    "table": ("DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"),
    "sequence": ("SELECT", "UPDATE", "USAGE"),
    "function": ("EXECUTE",),
}
"""What can be granted on each kind of object: https://www.postgresql.org/docs/18/ddl-priv.html#PRIVILEGES-SUMMARY-TABLE."""


@dataclass(frozen=True, kw_only=True)
class GrantPlan:
    """One GRANT on the database, a schema, or all objects of a kind in a schema; no privilege: all are revoked."""

    name: str
    """Unique within the application; becomes part of the resource's name."""
    role: str
    object_type: str
    """`database`, `schema`, `table`, `sequence` or `function`."""
    privileges: tuple[str, ...]
    schema: str = ""


@dataclass(frozen=True, kw_only=True)
class DefaultPrivilegesPlan:
    """What `role` may do with objects that `owner` makes from now on."""

    name: str
    owner: str
    role: str
    object_type: str
    """`table`, `sequence` or `function`."""
    privileges: tuple[str, ...]
    schema: str = ""
    """Empty: in every schema of the database."""


@dataclass(frozen=True, kw_only=True)
class ExtraGrant:
    """A right beyond the plan: another role of the same server reads, say, this application's tables."""

    role: str
    object_type: str
    privileges: tuple[str, ...]
    schema: str = "public"


@dataclass(frozen=True, kw_only=True)
class PrivilegePlan:
    """All that is granted in one database, in the order in which it has to happen.

    CONNECT goes to the legitimate roles first, then PUBLIC loses everything: in the other order an application that is
    already running would be locked out for a moment.
    """

    grants: tuple[GrantPlan, ...]
    default_privileges: tuple[DefaultPrivilegesPlan, ...]


def plan(roles: RoleNames, schemas: tuple[str, ...] = (), extra: tuple[ExtraGrant, ...] = ()) -> PrivilegePlan:
    """The plan for an application with `roles`, own `schemas` beside `public`, and `extra` grants."""
    return PrivilegePlan(
        grants=(*_database_grants(roles, extra), *_schema_grants(roles, schemas, extra), *_extra_grants(extra)),
        default_privileges=(*_own_defaults(roles), *_extra_defaults(roles, extra)),
    )


def _database_grants(roles: RoleNames, extra: tuple[ExtraGrant, ...]) -> list[GrantPlan]:
    connect = [
        GrantPlan(name="connect", role=roles.readwrite, object_type="database", privileges=("CONNECT", "TEMPORARY")),
        GrantPlan(name="connect-ro", role=roles.readonly, object_type="database", privileges=("CONNECT",)),
    ]
    connect += [
        GrantPlan(name=f"connect-{role}", role=role, object_type="database", privileges=("CONNECT",))
        for role in sorted({grant.role for grant in extra})
    ]
    return [*connect, GrantPlan(name="public", role=PUBLIC, object_type="database", privileges=())]


def _schema_grants(roles: RoleNames, schemas: tuple[str, ...], extra: tuple[ExtraGrant, ...]) -> list[GrantPlan]:
    # PUBLIC is whoever may connect, and that is settled above; it keeps USAGE on `public` and loses CREATE, which a
    # database from before PostgreSQL 15 still gives.
    grants = [
        GrantPlan(name="schema-public", role=PUBLIC, object_type="schema", privileges=("USAGE",), schema="public")
    ]
    for schema in schemas:
        users = (roles.readwrite, roles.readonly, *sorted({grant.role for grant in extra if grant.schema == schema}))
        grants += [_schema_usage(schema, role) for role in users]
    return grants


def _schema_usage(schema: str, role: str) -> GrantPlan:
    return GrantPlan(
        name=f"schema-{schema}-{role}", role=role, object_type="schema", privileges=("USAGE",), schema=schema
    )


def _own_defaults(roles: RoleNames) -> list[DefaultPrivilegesPlan]:
    rows = (
        ("tables", roles.readwrite, "table", TABLES_READWRITE),
        ("sequences", roles.readwrite, "sequence", SEQUENCES_READWRITE),
        ("functions", roles.readwrite, "function", FUNCTIONS),
        ("tables-ro", roles.readonly, "table", TABLES_READONLY),
        ("sequences-ro", roles.readonly, "sequence", SEQUENCES_READONLY),
        ("functions-ro", roles.readonly, "function", FUNCTIONS),
    )
    return [
        DefaultPrivilegesPlan(name=name, owner=roles.owner, role=role, object_type=kind, privileges=privileges)
        for name, role, kind, privileges in rows
    ]


def _extra_grants(extra: tuple[ExtraGrant, ...]) -> list[GrantPlan]:
    # Default privileges reach only what is made afterwards; an extra grant is often asked for later than that.
    return [
        GrantPlan(
            name=_extra_name(grant),
            role=grant.role,
            object_type=grant.object_type,
            privileges=tuple(sorted(grant.privileges)),
            schema=grant.schema,
        )
        for grant in extra
    ]


def _extra_name(grant: ExtraGrant) -> str:
    return f"extra-{grant.role}-{grant.schema}-{grant.object_type}"


def _extra_defaults(roles: RoleNames, extra: tuple[ExtraGrant, ...]) -> list[DefaultPrivilegesPlan]:
    return [
        DefaultPrivilegesPlan(
            name=_extra_name(grant),
            owner=roles.owner,
            role=grant.role,
            object_type=grant.object_type,
            privileges=tuple(sorted(grant.privileges)),
            schema=grant.schema,
        )
        for grant in extra
    ]
