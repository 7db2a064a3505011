"""Where an environment's passwords come from, as its settings say: by Socle, or by an operator out of a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pulumi

from components.kubernetes import objects
from components.kubernetes.access import Access
from components.postgres.cluster_database import credentials_secret
from components.postgres.connection import Address
from components.postgres.database_plan import DatabasePlan
from components.postgres.shared_cluster import SUPERUSER, superuser_secret
from components.secrets import sources
from components.secrets.sources import ADMIN, ExternalSecrets, Infisical, Login, Store, Variables
from components.secrets.synced import SyncedSecret
from stacks import templates
from stacks.secret_variables import from_store
from stacks.secrets_settings import ExternalSecretsSource, InfisicalSource, PushSink, Source

INFISICAL_RELOAD = "secrets.infisical.com/auto-reload"
"""Annotation of a Deployment that Infisical's operator rolls when a Secret of its making changes."""
RELOADER = "reloader.stakater.com/auto"
"""The same for Stakater's Reloader, which rolls for whatever Secret changes."""


@dataclass(frozen=True, kw_only=True)
class Synced:
    """Secrets that an operator brings in from a store."""

    source: sources.Source
    access: Access
    options: Callable[..., pulumi.ResourceOptions]
    reload: str
    """Annotation by which a Deployment is rolled when one of them changes."""

    def superuser(self, cluster: str, namespace: str, after: list[pulumi.Resource]) -> pulumi.Resource:
        """The server's administrator."""
        login = Login(
            application=ADMIN, secret=superuser_secret(cluster), namespace=namespace, role=SUPERUSER, database=SUPERUSER
        )
        return self._made(login.secret, login, after)

    def login(
        self, application: str, plan: DatabasePlan, namespace: str, after: list[pulumi.Resource]
    ) -> pulumi.Resource:
        """The application's own login; its reader's password is generated."""
        login = Login(
            application=application,
            secret=credentials_secret(application),
            namespace=namespace,
            role=plan.roles.readwrite,
            database=plan.database,
        )
        return self._made(login.secret, login, after)

    def variables(
        self,
        application: str,
        namespace: str,
        texts: Mapping[str, Mapping[str, str]],
        plan: DatabasePlan,
        address: Address,
        after: list[pulumi.Resource],
    ) -> dict[str, pulumi.Resource]:
        """Those of the application's Secrets that need the password, by name."""
        facts = templates.database_facts(
            address, database=plan.database, user=plan.roles.readwrite, password=sources.PASSWORD,
            readonly_user=plan.roles.readonly,
        )  # fmt: skip
        return {
            secret: self._made(
                f"{application}-{secret}",
                Variables(
                    application=application, secret=secret, namespace=namespace, data=templates.render_all(its, facts)
                ),
                after,
            )
            for secret, its in texts.items()
            if from_store(its.values())
        }

    def _made(self, name: str, wanted: Login | Variables, after: list[pulumi.Resource]) -> pulumi.Resource:
        return SyncedSecret(
            name, source=self.source, wanted=wanted, access=self.access, opts=self.options(*after)
        ).ready


def synced(settings: Source, access: Access, options: Callable[..., pulumi.ResourceOptions]) -> Synced | None:
    """What brings passwords in; None where Socle generates them."""
    if isinstance(settings, InfisicalSource):
        made = Infisical(
            host_api=settings.host_api,
            project_slug=settings.project_slug,
            env_slug=settings.env_slug,
            path=settings.path,
            credentials_name=settings.credentials.secret_name,
            credentials_namespace=settings.credentials.secret_namespace,
            resync_seconds=settings.resync_interval,
        )
        return Synced(source=made, access=access, options=options, reload=INFISICAL_RELOAD)
    if isinstance(settings, ExternalSecretsSource):
        return Synced(source=ExternalSecrets(store=store(settings)), access=access, options=options, reload=RELOADER)
    return None


def store(settings: ExternalSecretsSource | PushSink) -> Store:
    """The store, as settings name it."""
    return Store(
        name=settings.store.name,
        kind=settings.store.kind,
        key=settings.key,
        refresh_seconds=settings.refresh_interval // 1000,
    )


def pushed(
    settings: PushSink, application: str, namespace: str, secret: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> None:
    """The application's credentials, in a store as well. `secret` is the login's that it uses by now."""
    name = credentials_secret(application)
    manifest = sources.push(store(settings), application=application, name=name, namespace=namespace)
    manifest["spec"]["selector"] = {"secret": {"name": secret}}
    objects.custom(f"{name}-push", manifest, opts)
