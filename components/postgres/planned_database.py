"""An application's database as one resource: the plan that `AppDatabase` makes of eighteen, carried out at once."""

from __future__ import annotations

import pulumi

from components.postgres.app_database import AppDatabaseArgs
from components.postgres.database_plan import DatabasePlan, to_properties
from components.postgres.server import ReachableServerArgs


class PlannedDatabase(pulumi.CustomResource):
    """One application's database on a server whose administrator Socle's own plugin logs in as.

    The engine writes its whole state at every resource, so resources are what many applications cost. No component
    around it: that would be one more.
    """

    database: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: AppDatabaseArgs,
        server: ReachableServerArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        own = pulumi.ResourceOptions(depends_on=list(args.after), retain_on_delete=args.retain)
        super().__init__(
            "socle:postgres:PlannedDatabase",
            name,
            {
                "host": server.endpoint.host,
                "port": server.endpoint.port,
                "sslmode": server.endpoint.sslmode,
                "caFile": server.endpoint.ca_file,
                "user": server.admin.user,
                "adminPassword": pulumi.Output.secret(server.admin.password),
                "maintenance": server.database,
                "name": args.database,
                "plan": to_properties(plan_of(args)),
                "password": pulumi.Output.secret(args.password),
                "readonlyPassword": pulumi.Output.secret(args.readonly_password),
                "retain": args.retain,
            },
            pulumi.ResourceOptions.merge(own, opts),
        )
        self.database = pulumi.Output.from_input(args.database)

    @property
    def ready(self) -> pulumi.Resource:
        """Itself: what depends on it finds database, roles and privileges complete."""
        return self


def plan_of(args: AppDatabaseArgs) -> DatabasePlan:
    """All of `args` that is no secret and no wiring."""
    return DatabasePlan(
        database=args.database,
        roles=args.roles,
        privileges=args.privileges,
        connection_limit=args.limits.connections,
        statement_timeout_ms=args.limits.statement_timeout_ms,
        idle_in_transaction_timeout_ms=args.limits.idle_in_transaction_timeout_ms,
        extensions=tuple(args.extensions),
        schemas=tuple(args.schemas),
    )
