"""`socle:postgres:PlannedDatabase`: an application's whole database, roles and rights as one resource.

Its statements are those of `components.postgres.statements`, in as few round trips as they need.

Whose a database is that is there already: whoever knows the password of the role that uses it. So what an interrupted
run left is finished, and what pulumi-postgresql resources of the same stack made is taken over, but never what
somebody else made under the same name, another checkout with the same settings included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.postgres import catalog, statements
from components.postgres.catalog import Found
from components.postgres.database_plan import DatabasePlan, from_properties
from tools.plugins.resource import PluginError, State
from tools.plugins.socle.plain import Plain
from tools.plugins.values import Properties

if TYPE_CHECKING:
    from tools.plugins.socle.planned_connection import Connection


class PlannedDatabase(Plain):
    """Inputs as `components.postgres.planned_database` gives them. The id is the name that the database was made under.

    Imports what talks to PostgreSQL only where it does: a run without a change needs none of it.
    """

    secrets = frozenset({"adminPassword", "password", "readonlyPassword"})

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Make everything, finish what an interrupted run left, or take over what the same stack made before."""
        if not preview:
            _converge(inputs)
        return "" if preview else inputs["name"], _outputs(inputs)

    def read(self, prior: State) -> State | None:
        """What was found, with an input `drift` where it isn't as planned; None where the database is gone."""
        if not prior.inputs:
            raise PluginError("a PlannedDatabase can't be imported: an update takes over what the same stack made")
        drift = _drift(prior.inputs)
        if drift is None:
            return None
        # The program never gives `drift`, so it is a difference, and what mends a difference is an update.
        inputs = {name: value for name, value in prior.inputs.items() if name != "drift"}
        shown = {"drift": drift} if drift else {}
        return State(id=prior.id, inputs=inputs | shown, outputs=_outputs(inputs) | shown)

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        """Make it as the plan says now; what only the plan before it said is taken back, and a new name renames."""
        if not preview:
            _converge(news, former=prior.inputs)
        return _outputs(news)

    def delete(self, prior: State) -> None:
        """Drop the database with the sessions in it, then its roles; nothing where it is to be retained."""
        if not prior.inputs.get("retain", True):
            _drop(prior.inputs)


def _outputs(inputs: Properties) -> Properties:
    # The engine keeps what it was given anyway; saying it again would double the state.
    return {"name": inputs["name"]}


def _converge(inputs: Properties, former: Properties | None = None) -> None:
    from tools.plugins.socle.planned_connection import again, connected, run

    plan = from_properties(inputs["plan"])
    before = from_properties(former["plan"]) if former else None
    with connected(inputs) as connection:
        if before and statements.names(before) != statements.names(plan):
            _rename(connection, plan, before)
        there = _found(connection, plan, before)
        known = _fitting(connection, inputs, plan, there)
        if former is None or any(former[key] != inputs[key] for key in ("host", "port")):
            # New here, or at another address, where what bears the name may be somebody else's.
            _check_ours(inputs, plan, there, known)
        steps = statements.render(plan, there, _verifiers(connection, inputs, plan, known), before)
        again(lambda: run(connection, steps.roles))
        if steps.create:
            again(lambda: connection.execute(steps.create.encode()))
        again(lambda: run(connection, steps.access))
    with connected(inputs, plan.database) as connection:
        again(lambda: run(connection, steps.inside))


def _rename(connection: Connection, plan: DatabasePlan, before: DatabasePlan) -> None:
    from tools.plugins.socle.planned_connection import again, run

    old, new = (_found(connection, one) for one in (before, plan))
    taken = [name for kind, name in statements.names(plan) if (kind, name) not in statements.names(before)]
    taken = [name for name in taken if name in new.roles or (name == plan.database and new.owner)]
    if taken and old.roles:
        raise PluginError(f"{before.database} can't be renamed: {', '.join(taken)} is there already, and is left alone")
    again(lambda: run(connection, statements.rename(plan, before, old)))


def _drift(inputs: Properties) -> list[str] | None:
    from tools.plugins.socle.planned_connection import again, ask, connected

    plan = from_properties(inputs["plan"])
    with connected(inputs) as connection:
        there = _found(connection, plan)
        passwords = _fitting(connection, inputs, plan, there)
    if not there.owner:
        return None
    within, found = None, []
    if there.superuser or there.member:
        with connected(inputs, plan.database) as connection:
            within = catalog.inside(again(lambda: ask(connection, catalog.INSIDE_QUERY, catalog.parameters(plan))))
    else:
        found.append(f"the administrator is no member of {plan.roles.owner}")
    if there.superuser:
        wrong = [role for role in plan.logins if role in there.roles and role not in passwords]
        found += [f"role {role} has another password" for role in wrong]
    return found + catalog.drift(plan, there, within)


def _drop(inputs: Properties) -> None:
    from tools.plugins.socle.planned_connection import again, connected, run

    plan = from_properties(inputs["plan"])
    with connected(inputs) as connection:
        there = _found(connection, plan)
        if there.owner not in {"", plan.roles.owner}:
            raise PluginError(
                f"database {plan.database} belongs to {there.owner} by now, not to {plan.roles.owner}: it is left alone"
            )
        helped, database, roles = statements.drop(plan, there)
        again(lambda: run(connection, helped))
        if database:
            again(lambda: connection.execute(database.encode()))
        again(lambda: run(connection, roles))


def _found(connection: Connection, plan: DatabasePlan, before: DatabasePlan | None = None) -> Found:
    from tools.plugins.socle.planned_connection import again, ask

    return catalog.found(again(lambda: ask(connection, catalog.SERVER_QUERY, catalog.parameters(plan, before))))


def _fitting(connection: Connection, inputs: Properties, plan: DatabasePlan, there: Found) -> frozenset[str]:
    """The logins that are there with the right password. Without being a superuser only one of them is asked."""
    from tools.plugins.socle.planned_connection import fits, opens

    passwords = {role: word for role, word in _passwords(inputs, plan).items() if role in there.roles}
    if not passwords:
        return frozenset()
    if there.superuser:
        rows = connection.execute(catalog.VERIFIERS_QUERY.encode(), catalog.parameters(plan)).fetchall()
        kept = {str(role): verifier for role, verifier in rows}
        return frozenset(role for role, word in passwords.items() if fits(kept.get(role), word))
    app, database = plan.roles.readwrite, plan.database if there.owner else inputs["maintenance"]
    return frozenset({app} if app in passwords and opens(inputs, database, app, passwords[app]) else ())


def _passwords(inputs: Properties, plan: DatabasePlan) -> dict[str, str]:
    return {plan.roles.readwrite: inputs["password"], plan.roles.readonly: inputs["readonlyPassword"]}


def _verifiers(connection: Connection, inputs: Properties, plan: DatabasePlan, known: frozenset[str]) -> dict[str, str]:
    from tools.plugins.socle.planned_connection import verifier

    passwords = _passwords(inputs, plan).items()
    return {role: verifier(connection, role, word) for role, word in passwords if role not in known}


def _check_ours(inputs: Properties, plan: DatabasePlan, there: Found, known: frozenset[str]) -> None:
    """Refuse what is there and isn't this stack's."""
    mine = [role for role in plan.every_role if role in there.roles]
    if not mine and not there.owner:
        return
    what = f"database {plan.database}" if there.owner else f"role {mine[0]}"
    if plan.roles.readwrite not in known or there.owner not in {"", plan.roles.owner}:
        raise PluginError(
            f"{what} is there already on {inputs['host']}:{inputs['port']} and wasn't made by this stack: it is left "
            f"alone. Give the application another name in the settings (database: …, role: …), or remove what is there."
        )
    marked = there.roles[plan.roles.readwrite].comment == statements.mark(plan)
    if not marked and not inputs.get("retain", True):
        # The resources that made it are dropped at the end of this very run, and would take it with them.
        raise PluginError(
            f"{what} was made with `management: resources` and is not retained, so it can't be taken over: write "
            f"`deletionPolicy: retain` and run `up` before changing `management` (a test database: remove it, run `up`)"
        )
