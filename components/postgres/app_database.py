"""An application's database: three roles, one database, and its privilege plan, by pulumi-postgresql."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_postgresql as postgresql

from components.names import RoleNames
from components.postgres.limits import Limits
from components.postgres.privileges import DefaultPrivilegesPlan, GrantPlan, PrivilegePlan


@dataclass(frozen=True, kw_only=True)
class AppDatabaseArgs:
    """What an application's database consists of."""

    database: str
    roles: RoleNames
    privileges: PrivilegePlan
    limits: Limits
    password: pulumi.Input[str]
    """Of the reading and writing role; a secret."""
    readonly_password: pulumi.Input[str]
    """Of the reading role; a secret."""
    extensions: Sequence[str] = ()
    schemas: Sequence[str] = ()
    """Schemas beside `public`, owned by the owner."""
    retain: bool = True
    """Whether the database, with its roles, stays on the server when this component goes."""
    administrator: pulumi.Input[str] | None = None
    """An administrator without SUPERUSER, who has to become a member of the owner; None for a superuser."""
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)
    """What has to exist first, such as the roles that extra grants name."""


class AppDatabase(pulumi.ComponentResource):
    """One application's database on a server that pulumi-postgresql reaches.

    The statements on one database run one after another: PostgreSQL refuses parallel grants on it with "tuple
    concurrently updated" (pulumi-postgresql#126). Different applications run side by side.
    """

    database: pulumi.Output[str]
    ready: pulumi.Resource
    """The last thing made: what depends on it finds database, roles and privileges complete."""

    def __init__(self, name: str, args: AppDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("socle:postgres:AppDatabase", name, None, opts)
        self._name, self._args = name, args
        owner, *logins = self._roles()
        members = self._administrator(owner)
        database = postgresql.Database(
            name,
            name=args.database,
            owner=owner.name,
            template="template0",
            encoding="UTF8",
            # After the roles, so that it goes before them: no role can be dropped that has rights in a database.
            opts=self._options(depends_on=[*args.after, *logins, *members], protect_data=True),
        )
        self.database = database.name
        last: pulumi.Resource = database
        for schema in args.schemas:
            last = self._schema(schema, database, owner, last)
        for extension in args.extensions:
            last = self._extension(extension, database, last)
        for grant in args.privileges.grants:
            last = self._grant(grant, database, last)
        for default in args.privileges.default_privileges:
            last = self._default_privileges(default, database, last)
        self.ready = last
        self.register_outputs({})

    def _options(
        self,
        depends_on: Sequence[pulumi.Resource] = (),
        within: pulumi.Resource | None = None,
        protect_data: bool = False,
    ) -> pulumi.ResourceOptions:
        # What lives inside the database goes with it: no statement of its own when the database is dropped.
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=list(depends_on),
            deleted_with=within,
            retain_on_delete=self._args.retain if protect_data else None,
            delete_before_replace=within is not None,
        )

    def _roles(self) -> list[postgresql.Role]:
        roles, limits, args = self._args.roles, self._args.limits, self._args
        owner = postgresql.Role(
            f"{self._name}-owner",
            name=roles.owner,
            login=False,
            skip_reassign_owned=True,
            opts=self._options(protect_data=True),
        )

        def login(
            suffix: str, role: str, password: pulumi.Input[str], member_of: list[pulumi.Output[str]]
        ) -> postgresql.Role:
            return postgresql.Role(
                f"{self._name}{suffix}",
                name=role,
                login=True,
                # Without INHERIT the owner's rights come only by SET ROLE, in a migration, never in passing.
                inherit=False,
                roles=member_of,
                password=password,
                connection_limit=limits.connections,
                statement_timeout=limits.statement_timeout_ms,
                idle_in_transaction_session_timeout=limits.idle_in_transaction_timeout_ms,
                # Reassigning would reach shared objects, the database itself among them.
                skip_reassign_owned=True,
                opts=self._options(protect_data=True),
            )

        return [
            owner,
            login("", roles.readwrite, args.password, [owner.name]),
            login("-ro", roles.readonly, args.readonly_password, []),
        ]

    def _administrator(self, owner: postgresql.Role) -> list[pulumi.Resource]:
        """Who is no superuser acts for a role only as its member.

        From PostgreSQL 16 on, making a role gives ADMIN OPTION on it without its rights, which pulumi-postgresql takes
        for a membership: its grants on the owner's database would then give nothing, with no more than a warning.
        """
        if self._args.administrator is None:
            return []
        member = postgresql.GrantRole(
            f"{self._name}-administrator",
            role=self._args.administrator,
            grant_role=owner.name,
            opts=pulumi.ResourceOptions.merge(
                self._options(protect_data=True),
                # Read back as true: ADMIN OPTION came with the making, by a grant of the server's own.
                pulumi.ResourceOptions(ignore_changes=["withAdminOption"]),
            ),
        )
        return [member]

    def _schema(
        self, schema: str, database: postgresql.Database, owner: postgresql.Role, after: pulumi.Resource
    ) -> postgresql.Schema:
        return postgresql.Schema(
            f"{self._name}-{schema}",
            name=schema,
            database=database.name,
            owner=owner.name,
            opts=self._options([after], within=database),
        )

    def _extension(self, extension: str, database: postgresql.Database, after: pulumi.Resource) -> postgresql.Extension:
        return postgresql.Extension(
            f"{self._name}-{extension}",
            name=extension,
            database=database.name,
            opts=self._options([after], within=database),
        )

    def _grant(self, plan: GrantPlan, database: postgresql.Database, after: pulumi.Resource) -> postgresql.Grant:
        return postgresql.Grant(
            f"{self._name}-{plan.name}",
            database=database.name,
            role=plan.role,
            schema=plan.schema or None,
            object_type=plan.object_type,
            privileges=list(plan.privileges),
            opts=self._options([after], within=database),
        )

    def _default_privileges(
        self, plan: DefaultPrivilegesPlan, database: postgresql.Database, after: pulumi.Resource
    ) -> postgresql.DefaultPrivileges:
        return postgresql.DefaultPrivileges(
            f"{self._name}-default-{plan.name}",
            database=database.name,
            owner=plan.owner,
            role=plan.role,
            schema=plan.schema or None,
            object_type=plan.object_type,
            privileges=list(plan.privileges),
            opts=self._options([after], within=database),
        )
