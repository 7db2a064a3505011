"""What an environment and a pull request make alike in a Kubernetes cluster: an application in its namespace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.kubernetes.access import Access
from components.kubernetes.manifests import TRUST, TRUST_FILE, TRUST_FOLDER
from components.mongodb import ferret_manifests
from components.mongodb.ferret import Ferret, FerretArgs
from components.mongodb.ferret_manifests import FerretPlan
from components.postgres import connection
from components.postgres.connection import Address
from components.postgres.shared_cluster import PORT
from components.secrets.application import ApplicationSecrets, ApplicationSecretsArgs
from components.secrets.certificates import Authority
from components.workloads.manifests import WorkloadPlan
from components.workloads.workload import Migration, Workload, WorkloadArgs
from stacks import templates
from stacks.kubernetes_settings import FerretDocuments
from stacks.workload_plan import limits, requests
from stacks.workload_settings import Migrations

Facts = pulumi.Output[dict[str, str]]
Options = Callable[..., pulumi.ResourceOptions]
"""Options for a resource that comes after the given ones, by the cluster's provider."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """What an application, or its documents' server, logs in to PostgreSQL with."""

    host: str
    database: str
    user: str
    owner: str
    """The role that objects belong to."""
    password: pulumi.Output[str]

    @property
    def address(self) -> Address:
        """As pods see the server, with the authority mounted."""
        return Address(host=self.host, port=PORT, sslmode="verify-full", ca_file=TRUST_FILE)


@dataclass(frozen=True, kw_only=True)
class InNamespace:
    """One application in one namespace."""

    name: str
    namespace: str
    access: Access
    options: Options

    def secrets(
        self,
        variables: Mapping[str, pulumi.Input[Mapping[str, str]]],
        facts: Sequence[Facts],
        authority: pulumi.Input[str],
        *,
        readers: Sequence[str] = (),
        after: Sequence[pulumi.Resource],
    ) -> ApplicationSecrets:
        """Its Secrets: `variables` are templates by the Secret's name, filled in from `facts`."""
        args = ApplicationSecretsArgs(
            application=self.name,
            namespace=self.namespace,
            variables={one: rendered(its, facts) for one, its in variables.items()},
            authority=authority,
            readers=readers,
        )
        return ApplicationSecrets(self.name, args, self.options(*after))

    def ferret_plan(self, documents: FerretDocuments, psql_image: str) -> FerretPlan:
        """Its FerretDB, as it will be."""
        name = f"{self.name}-documents"
        return FerretPlan(
            application=self.name,
            namespace=self.namespace,
            name=name,
            image=documents.image,
            psql_image=psql_image,
            requests=requests(documents.resources),
            limits=limits(documents.resources),
            secret=name,
            certificate_secret=f"{name}-tls",
            authority_config=TRUST,
            authority_folder=TRUST_FOLDER,
        )

    def ferret(
        self, plan: FerretPlan, login: Login, password: pulumi.Output[str], authority: Authority,
        *, after: Sequence[pulumi.Resource], generation: int = 0,
    ) -> Ferret:  # fmt: skip
        """Its FerretDB."""
        # What FerretDB makes has to belong to the owner, as everything in the database does.
        url = login.password.apply(
            lambda value: (
                connection.libpq_url(login.address, login.database, login.user, value)
                + f"&options=-c%20role%3D{login.owner}"
            )
        )
        args = FerretArgs(
            plan=plan, authority=authority, postgresql_url=url, user=login.user, password=password, after=after,
            generation=generation,
        )  # fmt: skip
        return Ferret(plan.name, args, self.options())

    def workload(
        self,
        plan: WorkloadPlan,
        secrets: ApplicationSecrets,
        migrations: Migrations | None,
        *,
        generation: int = 0,
        after: Sequence[pulumi.Resource],
    ) -> Workload:
        """The application itself."""
        args = WorkloadArgs(
            plan=plan,
            access=self.access,
            migration=Migration(command=migrations.command, timeout_seconds=migrations.timeout // 1000)
            if migrations
            else None,
            checksum=secrets.checksum,
            generation=generation,
            after=[*after, *secrets.resources],
        )
        return Workload(f"{self.name}-workload", args, self.options())


def provider(access: Access) -> kubernetes.Provider:
    """The provider of everything in the cluster."""
    return kubernetes.Provider(
        "kubernetes",
        context=access.context or None,
        # Another kubeconfig to the same cluster must not make everything anew.
        cluster_identifier=access.identity,
        # Otherwise a changed one is deleted first, and whoever looks for it meanwhile finds none.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
    )


def rendered(variables: pulumi.Input[Mapping[str, str]], facts: Sequence[Facts]) -> pulumi.Output[Mapping[str, str]]:
    """The templates, filled in."""

    def fill(parts: list[Any]) -> dict[str, str]:
        own, *rest = parts
        return templates.render_all(own, {key: value for part in rest for key, value in part.items()})

    return pulumi.Output.all(variables, *facts).apply(fill)


def database_facts(login: Login, readonly: tuple[str, pulumi.Output[str]] | None = None) -> Facts:
    """What `{database.…}` stands for."""
    reader, reader_password = readonly or ("", pulumi.Output.from_input(""))
    return pulumi.Output.all(login.password, reader_password).apply(
        lambda both: templates.database_facts(
            login.address,
            database=login.database,
            user=login.user,
            password=both[0],
            readonly_user=reader,
            readonly_password=both[1],
        )
    )


def documents_facts(plan: FerretPlan, login: Login, password: pulumi.Output[str], database: str) -> Facts:
    """What `{mongodb.…}` stands for."""
    return password.apply(
        lambda value: templates.mongodb_facts(
            host=plan.hosts[0], port=ferret_manifests.PORT, user=login.user, password=value, database=database,
            ca_file=TRUST_FILE,
        )
    )  # fmt: skip


def cache_facts(host: str, port: int, user: str, prefix: str, password: pulumi.Output[str]) -> Facts:
    """What `{redis.…}` stands for."""
    return password.apply(
        lambda value: templates.redis_facts(
            host=host, port=port, user=user, password=value, prefix=prefix, ca_file=TRUST_FILE
        )
    )
