"""What the settings' applications come to, whatever server they are on. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from components import names
from components.postgres.database_plan import DatabasePlan
from components.postgres.privileges import ExtraGrant, plan
from stacks.checks import ENV_SECRET, database_of, role_of
from stacks.settings import App


def logins(name: str, app: App) -> tuple[str, str]:
    """The two roles that log in."""
    roles = names.roles(role_of(name, app))
    return roles.readwrite, roles.readonly


def in_order(apps: Mapping[str, App]) -> list[tuple[str, App]]:
    """The applications, those that an extra grant names before the one that gives it."""
    by_role = {role: name for name, app in apps.items() for role in logins(name, app)}
    done: dict[str, App] = {}
    visiting: set[str] = set()

    def visit(name: str) -> None:
        if name in done or name in visiting:
            return
        visiting.add(name)
        for grant in apps[name].grants:
            visit(by_role[grant.to])
        done[name] = apps[name]

    for name in apps:
        visit(name)
    return list(done.items())


def granted_to(app: App, apps: Mapping[str, App]) -> list[str]:
    """The applications whose roles get rights by `app`'s extra grants."""
    by_role = {role: name for name, other in apps.items() for role in logins(name, other)}
    return [by_role[grant.to] for grant in app.grants]


def database_plan(name: str, app: App) -> DatabasePlan:
    """All that the application's database consists of."""
    roles = names.roles(role_of(name, app))
    extra = tuple(
        ExtraGrant(role=g.to, object_type=g.on, privileges=g.privileges, schema=g.in_schema) for g in app.grants
    )
    return DatabasePlan(
        database=database_of(name, app),
        roles=roles,
        privileges=plan(roles, app.schemas, extra),
        connection_limit=app.connection_limit,
        statement_timeout_ms=app.statement_timeout,
        idle_in_transaction_timeout_ms=app.idle_in_transaction_timeout,
        extensions=app.extensions,
        schemas=app.schemas,
    )


def variables_of(name: str, app: App) -> dict[str, dict[str, str]]:
    """The application's variables, as templates, by the Secret that has them."""
    return {**({f"{name}{ENV_SECRET}": dict(app.env)} if app.env else {}), **app.secrets}
