"""An application's database on a CloudNativePG cluster: roles by the operator, everything else by a Job beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.kubernetes import objects
from components.kubernetes.access import Access
from components.kubernetes.task import Task, TaskArgs
from components.postgres import cnpg_manifests as cnpg
from components.postgres import script_pod
from components.postgres.cnpg_manifests import ManagedRole
from components.postgres.database_plan import DatabasePlan
from components.postgres.script import removal, script
from components.postgres.script_pod import ServerAccess
from components.postgres.statements import mark


def credentials_secret(application: str, suffix: str = "") -> str:
    """The basic-auth Secret of a login, in the cluster's namespace: `docspell-postgresql-credentials`."""
    return f"{application}{suffix}-postgresql-credentials"


def secret_names(application: str, plan: DatabasePlan) -> dict[str, str]:
    """The basic-auth Secret of each login."""
    suffixes = ("", "-ro", "-rw2", "-ro2")
    return {role: credentials_secret(application, suffix) for role, suffix in zip(plan.logins, suffixes, strict=False)}


class RoleSecrets:
    """The basic-auth Secrets of an application's logins, before there is a cluster that reads them."""

    def __init__(
        self,
        application: str,
        plan: DatabasePlan,
        *,
        namespace: str,
        passwords: Mapping[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions,
        synced: Mapping[str, pulumi.Resource] | None = None,
    ) -> None:
        """`passwords` are by role; a role in `synced` has its Secret by what is there."""
        self.names = secret_names(application, plan)
        elsewhere = synced or {}
        self.resources: list[pulumi.Resource] = [
            elsewhere.get(role)
            or objects.secret(
                self.names[role],
                namespace=namespace,
                secret_name=self.names[role],
                data={"username": role, "password": passwords[role], "database": plan.database},
                kind="kubernetes.io/basic-auth",
                given={cnpg.RELOAD: "true"},
                opts=opts,
            )
            for role in self.names
        ]
        self.roles: tuple[ManagedRole, ...] = cnpg.application_roles(plan, comment=mark(plan), secrets=self.names)


@dataclass(frozen=True, kw_only=True)
class ClusterDatabaseArgs:
    """What the database is, and where."""

    plan: DatabasePlan
    access: Access
    server: ServerAccess
    cluster: str
    namespace: str
    version: int
    """PostgreSQL's major version."""
    login_secrets: Sequence[str]
    """Whose logins must work before the database counts as ready."""
    retain: bool
    triggers: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Has the logins tried again when one changes; no secrets."""
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)


class ClusterDatabase(pulumi.ComponentResource):
    """One application's database on a cluster that only pods reach.

    The operator makes and keeps the roles, whose passwords it takes from Secrets. It knows no grants, so the whole plan
    runs as a script in a Job: it makes what the operator hasn't made yet, and so "role does not exist" can't happen.
    The Database resource comes last and finds everything there.
    """

    database: pulumi.Output[str]
    ready: pulumi.Resource

    def __init__(self, name: str, args: ClusterDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("socle:postgres:ClusterDatabase", name, None, opts)
        plan = args.plan
        apply = script_pod.pod(
            args.server, script(plan, {}, version=args.version), database=plan.database, logins=args.login_secrets
        )
        remove = None if args.retain else script_pod.pod(args.server, removal(plan, version=args.version))
        task = Task(
            f"{name}-privileges",
            TaskArgs(access=args.access, namespace=args.namespace, apply=apply, remove=remove, triggers=args.triggers),
            pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        # It never drops: a plain DROP DATABASE would wait for ever on an open session. The Job does, where wanted.
        manifest = cnpg.database(
            name,
            namespace=args.namespace,
            cluster_name=args.cluster,
            database=plan.database,
            owner=plan.roles.owner,
        )
        self.ready = objects.custom(name, manifest, pulumi.ResourceOptions(parent=self, depends_on=[task]))
        self.database = pulumi.Output.from_input(plan.database)
        self.register_outputs({})
