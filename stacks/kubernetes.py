"""A Kubernetes environment: applications on a shared CloudNativePG cluster, each with Secrets in its own namespace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components import names
from components.kubernetes import objects
from components.mongodb import ferret_manifests
from components.mongodb.ferret import Ferret, FerretArgs
from components.mongodb.ferret_manifests import FerretPlan
from components.postgres import connection
from components.postgres.cluster_database import ClusterDatabase, ClusterDatabaseArgs, RoleSecrets
from components.postgres.cnpg_manifests import ManagedRole, Volume
from components.postgres.connection import Address
from components.postgres.database_plan import DatabasePlan
from components.postgres.shared_cluster import PORT, SharedPostgresCluster, SharedPostgresClusterArgs
from components.redis.cache_manifests import CachePlan
from components.redis.connection import key_prefix, user_name
from components.redis.shared_cache import CacheUser, SharedCache, SharedCacheArgs
from components.secrets.application import (
    TRUST,
    TRUST_FILE,
    TRUST_FOLDER,
    ApplicationSecrets,
    ApplicationSecretsArgs,
)
from components.secrets.generated import GeneratedSecret
from stacks import templates
from stacks.applications import database_plan, granted_to, in_order
from stacks.checks import ENV_SECRET
from stacks.cluster import require_cluster
from stacks.kubernetes_backups import ServerBackups
from stacks.kubernetes_settings import CloudNativePgServer, FerretDocuments, KubernetesCache, Resources, Storage
from stacks.settings import App, EnvironmentSettings, ExternalCache, ExternalDocuments


class KubernetesStack:
    """Composes one Kubernetes environment out of its settings."""

    def __init__(self, settings: EnvironmentSettings, stack: str) -> None:
        self.settings, self.stack = settings, stack
        assert isinstance(settings.server, CloudNativePgServer)  # noqa: S101 - stacks.checks allows no other yet
        self.server = settings.server
        self.access = require_cluster(settings, stack)
        self.provider = kubernetes.Provider(
            "kubernetes",
            context=self.access.context or None,
            # Another kubeconfig to the same cluster must not make everything anew.
            cluster_identifier=self.access.identity,
        )
        self._namespaces: dict[str, pulumi.Resource] = {}
        self._databases: dict[str, ClusterDatabase] = {}
        self._shared_cache: SharedCache | None = None

    def compose(self) -> None:
        """Make everything, and export the contract for pull requests."""
        applications = in_order(self.settings.apps)
        plans = {name: database_plan(name, app) for name, app in applications}
        secrets = {name: GeneratedSecret(name) for name, _ in applications}
        roles = {name: self._role_secrets(name, plans[name], secrets[name]) for name, _ in applications}
        backups = ServerBackups(self.server, self.access, self._options, self._server_namespace())
        cluster = self._cluster(roles, backups)
        databases = {plan.database: self._drill_query(name) for name, plan in plans.items()}
        for name, app in applications:
            self._databases[name] = self._database(name, app, plans[name], roles[name], cluster)
            self._application(name, app, plans[name], secrets[name], cluster)
        backups.begin(cluster, databases, after=[one.ready for one in self._databases.values()])
        pulumi.export("cluster", self.access.identity)
        pulumi.export("server", {"host": cluster.host, "readonlyHost": cluster.readonly_host, "port": PORT})
        pulumi.export("apps", {name: self._summary(name, app, plans[name]) for name, app in applications})

    def _options(self, *after: pulumi.Resource, protect: bool = False) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(providers=[self.provider], depends_on=list(after), protect=protect or None)

    def _namespace(self, name: str, *, protect: bool = False) -> list[pulumi.Resource]:
        """The namespace, for what is to come after it; nothing where somebody else makes them."""
        if not self.settings.cluster.create_namespaces:
            return []
        if name not in self._namespaces:
            self._namespaces[name] = objects.namespace(name, {}, self._options(protect=protect))
        return [self._namespaces[name]]

    def _role_secrets(self, name: str, plan: DatabasePlan, secret: GeneratedSecret) -> RoleSecrets:
        passwords = {role: secret.password(role) for role in plan.logins}
        after = self._server_namespace()
        return RoleSecrets(name, plan, namespace=self.server.namespace, passwords=passwords, opts=self._options(*after))

    def _server_namespace(self) -> list[pulumi.Resource]:
        return self._namespace(self.server.namespace, protect=self.server.protect)

    def _drill_query(self, application: str) -> str:
        return self.server.drill.queries.get(application, "") if self.server.drill else ""

    def _cluster(self, roles: Mapping[str, RoleSecrets], backups: ServerBackups) -> SharedPostgresCluster:
        server = self.server
        after = [
            *self._server_namespace(),
            *backups.resources,
            *(resource for one in roles.values() for resource in one.resources),
        ]
        managed: list[ManagedRole] = [role for one in roles.values() for role in one.roles]
        args = SharedPostgresClusterArgs(
            name=server.name,
            namespace=server.namespace,
            access=self.access,
            image=server.image_name,
            instances=server.instances,
            synchronous=server.synchronous_standbys,
            spread=server.spread,
            storage=_volume(server.storage),
            wal_storage=_volume(server.wal_storage) if server.wal_storage else None,
            requests=_requests(server.resources),
            limits=_limits(server.resources),
            parameters=dict(server.parameters),
            protect=server.protect,
            superuser_password=GeneratedSecret("superuser").password("postgres"),
            brancher_password=GeneratedSecret("brancher").password(names.BRANCHER),
            roles=managed,
            archive=backups.archive,
            heartbeat_password=GeneratedSecret("heartbeat").password(names.HEARTBEAT) if backups.archive else None,
            restore=backups.restore,
            after=after,
        )
        return SharedPostgresCluster(server.name, args, self._options())

    def _database(
        self, name: str, app: App, plan: DatabasePlan, roles: RoleSecrets, cluster: SharedPostgresCluster
    ) -> ClusterDatabase:
        granted = [
            self._databases[other].ready for other in granted_to(app, self.settings.apps) if other in self._databases
        ]
        args = ClusterDatabaseArgs(
            plan=plan,
            access=self.access,
            server=cluster.access,
            cluster=self.server.name,
            namespace=self.server.namespace,
            version=self.server.major,
            login_secrets=[roles.names[role] for role in plan.logins],
            retain=app.deletion_policy == "retain",
            after=[cluster.ready, *granted],
        )
        return ClusterDatabase(name, args, self._options())

    def _application(
        self, name: str, app: App, plan: DatabasePlan, secret: GeneratedSecret, cluster: SharedPostgresCluster
    ) -> None:
        namespace = app.namespace or name
        facts = [self._database_facts(plan, secret, cluster.host)]
        after: list[pulumi.Resource] = [*self._namespace(namespace), self._databases[name].ready]
        if app.cache:
            facts.append(self._cache_user(name, secret, cluster))
        if app.documents:
            facts.append(self._documents_facts(name, namespace, plan, secret))
        wanted = {**({f"{name}{ENV_SECRET}": app.env} if app.env else {}), **app.secrets}
        variables = {one: _rendered(its, facts) for one, its in wanted.items()}
        args = ApplicationSecretsArgs(
            application=name,
            namespace=namespace,
            variables=variables,
            authority=cluster.authority.certificate,
            readers=app.readers,
        )
        secrets = ApplicationSecrets(name, args, self._options(*after))
        if app.documents and isinstance(self.settings.documents, FerretDocuments):
            self._ferret(name, self._ferret_plan(name, namespace), plan, secret, cluster, [*after, secrets.trust])

    def _cache(self, cluster: SharedPostgresCluster) -> SharedCache:
        """The cache, made when the first application asks for it."""
        settings = self.settings.cache
        assert isinstance(settings, KubernetesCache)  # noqa: S101 - stacks.checks allows no other that isn't external
        if self._shared_cache is None:
            plan = CachePlan(
                name=settings.name,
                namespace=settings.namespace,
                engine=settings.engine,
                image=settings.image_name,
                exporter_image=settings.exporter_image,
                storage=_volume(settings.storage),
                requests=_requests(settings.resources),
                limits=_limits(settings.resources),
            )
            args = SharedCacheArgs(
                plan=plan,
                access=self.access,
                authority=cluster.authority,
                passwords=GeneratedSecret("cache"),
                protect=self.server.protect,
                after=self._namespace(settings.namespace),
            )
            self._shared_cache = SharedCache(settings.name, args, self._options())
        return self._shared_cache

    def _cache_user(
        self, name: str, secret: GeneratedSecret, cluster: SharedPostgresCluster
    ) -> pulumi.Output[dict[str, str]]:
        settings = self.settings.cache
        if isinstance(settings, ExternalCache):
            return pulumi.Output.secret(templates.external_redis_facts(settings.url, key_prefix(name)))
        cache, password = self._cache(cluster), secret.password("cache")
        user, prefix = user_name(name), key_prefix(name)
        CacheUser(f"{name}-cache", cache=cache, user=user, prefix=prefix, password=password, opts=self._options())
        return password.apply(
            lambda value: templates.redis_facts(
                host=cache.host, port=cache.port, user=user, password=value, prefix=prefix, ca_file=TRUST_FILE
            )
        )

    def _ferret_plan(self, name: str, namespace: str) -> FerretPlan:
        settings = self.settings.documents
        assert isinstance(settings, FerretDocuments)  # noqa: S101 - the callers have asked
        return FerretPlan(
            application=name,
            namespace=namespace,
            name=f"{name}-documents",
            image=settings.image,
            psql_image=self.server.image_name,
            requests=_requests(settings.resources),
            limits=_limits(settings.resources),
            secret=f"{name}-documents",
            certificate_secret=f"{name}-documents-tls",
            authority_config=TRUST,
            authority_folder=TRUST_FOLDER,
        )

    def _documents_facts(
        self, name: str, namespace: str, plan: DatabasePlan, secret: GeneratedSecret
    ) -> pulumi.Output[dict[str, str]]:
        settings = self.settings.documents
        if isinstance(settings, ExternalDocuments):
            return pulumi.Output.secret(templates.external_mongodb_facts(settings.uri))
        host = self._ferret_plan(name, namespace).hosts[0]
        return secret.password("documents").apply(
            lambda value: templates.mongodb_facts(
                host=host, port=ferret_manifests.PORT, user=plan.roles.readwrite, password=value,
                database=plan.database, ca_file=TRUST_FILE,
            )
        )  # fmt: skip

    def _ferret(
        self,
        name: str,
        ferret: FerretPlan,
        plan: DatabasePlan,
        secret: GeneratedSecret,
        cluster: SharedPostgresCluster,
        after: list[pulumi.Resource],
    ) -> None:
        roles = plan.roles
        address = Address(host=cluster.host, port=PORT, sslmode="verify-full", ca_file=TRUST_FILE)
        # What FerretDB makes has to belong to the owner, as everything in the database does.
        url = secret.password(roles.readwrite).apply(
            lambda value: (
                connection.libpq_url(address, plan.database, roles.readwrite, value)
                + f"&options=-c%20role%3D{roles.owner}"
            )
        )
        args = FerretArgs(
            plan=ferret, authority=cluster.authority, postgresql_url=url, user=roles.readwrite,
            password=secret.password("documents"), after=after,
        )  # fmt: skip
        Ferret(f"{name}-documents", args, self._options())

    @staticmethod
    def _database_facts(plan: DatabasePlan, secret: GeneratedSecret, host: str) -> pulumi.Output[dict[str, str]]:
        address = Address(host=host, port=PORT, sslmode="verify-full", ca_file=TRUST_FILE)
        roles = plan.roles
        return pulumi.Output.all(secret.password(roles.readwrite), secret.password(roles.readonly)).apply(
            lambda both: templates.database_facts(
                address,
                database=plan.database,
                user=roles.readwrite,
                password=both[0],
                readonly_user=roles.readonly,
                readonly_password=both[1],
            )
        )

    @staticmethod
    def _summary(name: str, app: App, plan: DatabasePlan) -> dict[str, Any]:
        return {
            "database": plan.database,
            "role": plan.roles.readwrite,
            "namespace": app.namespace or name,
            "secrets": [*([f"{name}{ENV_SECRET}"] if app.env else []), *app.secrets],
        }


def _rendered(
    variables: Mapping[str, str], facts: list[pulumi.Output[dict[str, str]]]
) -> pulumi.Output[Mapping[str, str]]:
    def fill(parts: list[dict[str, str]]) -> dict[str, str]:
        known = {key: value for part in parts for key, value in part.items()}
        return templates.render_all(variables, known)

    return pulumi.Output.all(*facts).apply(fill)


def _volume(storage: Storage) -> Volume:
    return Volume(size=storage.size, storage_class=storage.class_name)


def _requests(resources: Resources) -> dict[str, str]:
    return {"cpu": resources.cpu_request, "memory": resources.memory_request}


def _limits(resources: Resources) -> dict[str, str]:
    return {"cpu": resources.cpu_limit, "memory": resources.memory_limit}
