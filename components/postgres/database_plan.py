"""All that an application's database consists of, as one plain record that travels as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.names import RoleNames, SecondLogins
from components.postgres.privileges import DefaultPrivilegesPlan, GrantPlan, PrivilegePlan


@dataclass(frozen=True, kw_only=True)
class DatabasePlan:
    """One application's roles, database, and what is in it before its first migration."""

    database: str
    roles: RoleNames
    privileges: PrivilegePlan
    connection_limit: int
    """Open connections of each login, on the whole server."""
    statement_timeout_ms: int
    idle_in_transaction_timeout_ms: int
    extensions: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    """Schemas beside `public`, owned by the owner."""
    second: SecondLogins | None = None
    """Where passwords are rotated: another login for each of the two, with the same rights by inheritance."""

    @property
    def logins(self) -> tuple[str, ...]:
        """The roles that log in: the two, then their seconds."""
        return self.roles.readwrite, self.roles.readonly, *self.heirs

    @property
    def heirs(self) -> Mapping[str, str]:
        """Each second login, with the first whose rights it has."""
        if self.second is None:
            return {}
        return {self.second.readwrite: self.roles.readwrite, self.second.readonly: self.roles.readonly}

    @property
    def every_role(self) -> tuple[str, ...]:
        """Every role, the owner first."""
        return self.roles.owner, *self.logins

    @property
    def memberships(self) -> tuple[tuple[str, str], ...]:
        """Each role with a member of it. What is no heir has the role's rights by SET ROLE alone."""
        return (self.roles.owner, self.roles.readwrite), *((first, heir) for heir, first in self.heirs.items())


def to_properties(plan: DatabasePlan) -> dict[str, Any]:
    """The plan as JSON's types, as short as they stay readable: the engine writes them with every state."""
    return {
        "database": plan.database,
        "owner": plan.roles.owner,
        "readwrite": plan.roles.readwrite,
        "readonly": plan.roles.readonly,
        **({"second": [plan.second.readwrite, plan.second.readonly]} if plan.second else {}),
        "connectionLimit": plan.connection_limit,
        "statementTimeoutMs": plan.statement_timeout_ms,
        "idleInTransactionTimeoutMs": plan.idle_in_transaction_timeout_ms,
        "extensions": list(plan.extensions),
        "schemas": list(plan.schemas),
        "grants": [_entry(grant) for grant in plan.privileges.grants],
        "defaults": [_entry(default) for default in plan.privileges.default_privileges],
    }


def from_properties(properties: Mapping[str, Any]) -> DatabasePlan:
    """The plan that `to_properties` wrote."""
    owner, second = properties["owner"], properties.get("second")
    return DatabasePlan(
        database=properties["database"],
        roles=RoleNames(owner=owner, readwrite=properties["readwrite"], readonly=properties["readonly"]),
        privileges=PrivilegePlan(
            grants=tuple(GrantPlan(**_fields(entry)) for entry in properties["grants"]),
            default_privileges=tuple(
                DefaultPrivilegesPlan(owner=owner, **_fields(entry)) for entry in properties["defaults"]
            ),
        ),
        connection_limit=properties["connectionLimit"],
        statement_timeout_ms=properties["statementTimeoutMs"],
        idle_in_transaction_timeout_ms=properties["idleInTransactionTimeoutMs"],
        extensions=tuple(properties["extensions"]),
        schemas=tuple(properties["schemas"]),
        second=SecondLogins(readwrite=second[0], readonly=second[1]) if second else None,
    )


def _entry(entry: GrantPlan | DefaultPrivilegesPlan) -> dict[str, Any]:
    within = {"schema": entry.schema} if entry.schema else {}
    return {"name": entry.name, "role": entry.role, "on": entry.object_type, "may": list(entry.privileges), **within}


def _fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": entry["name"],
        "role": entry["role"],
        "object_type": entry["on"],
        "privileges": tuple(entry["may"]),
        "schema": entry.get("schema", ""),
    }
