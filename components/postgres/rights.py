"""Who may do exactly what, object by object: what statements set and what a catalog is compared with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from components.postgres.database_plan import DatabasePlan
from components.postgres.privileges import FUNCTIONS, OBJECT_PRIVILEGES, PUBLIC, DefaultPrivilegesPlan, GrantPlan

BUILT_IN: Mapping[str, tuple[str, ...]] = {"table": (), "sequence": (), "function": FUNCTIONS}
"""What PUBLIC may do with a new object: https://www.postgresql.org/docs/18/ddl-priv.html#PRIVILEGES-SUMMARY-TABLE."""


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Each role's rights on one object, on all objects of a kind in a schema, or on those to come."""

    object_type: str
    schema: str
    """The schema itself for the type `schema`; empty for the database, and for objects to come in every schema."""
    of: Mapping[str, tuple[str, ...]]
    """Privileges by role, PUBLIC among them; a role without any loses what it has."""


def granted(plan: DatabasePlan, former: Iterable[GrantPlan] = ()) -> Iterator[Rights]:
    """The rights in the plan: on the database, on each schema, then on objects that are there already.

    On the database and the schemas they are exact for the plan's roles and PUBLIC. Holders of `former` grants that the
    plan no longer names lose them.
    """
    exact = {("database", ""): [PUBLIC, *plan.logins]}
    exact |= {("schema", schema): [PUBLIC, *plan.logins] for schema in ("public", *plan.schemas)}
    yield from _grouped(exact, plan.privileges.grants, former)


def defaults(plan: DatabasePlan, former: Iterable[DefaultPrivilegesPlan] = ()) -> Iterator[Rights]:
    """The rights on objects that the owner makes from now on: exact for the plan's roles and PUBLIC, as `granted`."""
    everyone = [PUBLIC, *plan.logins]
    exact = {(kind, schema): everyone for schema in ("", "public", *plan.schemas) for kind in OBJECT_PRIVILEGES}
    built_in = [
        DefaultPrivilegesPlan(name="", owner=plan.roles.owner, role=PUBLIC, object_type=kind, privileges=privileges)
        for kind, privileges in BUILT_IN.items()
    ]
    yield from _grouped(exact, (*plan.privileges.default_privileges, *built_in), former)


def _grouped(
    exact: Mapping[tuple[str, str], list[str]],
    entries: Iterable[GrantPlan | DefaultPrivilegesPlan],
    former: Iterable[GrantPlan | DefaultPrivilegesPlan],
) -> Iterator[Rights]:
    found: dict[tuple[str, str], dict[str, set[str]]] = {
        key: {role: set() for role in roles} for key, roles in exact.items()
    }
    for entry in former:
        found.setdefault((entry.object_type, entry.schema), {}).setdefault(entry.role, set())
    for entry in entries:
        rights = found.setdefault((entry.object_type, entry.schema), {})
        rights.setdefault(entry.role, set()).update(entry.privileges)
    for (object_type, schema), of in found.items():
        yield Rights(object_type=object_type, schema=schema, of={role: tuple(sorted(its)) for role, its in of.items()})
