"""A Kubernetes environment: applications on a shared CloudNativePG cluster, each with Secrets in its own namespace."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes

from components import names
from components.kubernetes import network_policies, objects
from components.kubernetes.network_policies import CLIENTS
from components.monitoring.manifests import cluster_monitoring
from components.monitoring.monitoring import CustomQueries, Monitoring
from components.postgres.cluster_database import ClusterDatabase, ClusterDatabaseArgs, RoleSecrets
from components.postgres.cnpg_manifests import Volume
from components.postgres.database_plan import DatabasePlan
from components.postgres.shared_cluster import PORT, SUPERUSER, SharedPostgresCluster, SharedPostgresClusterArgs
from components.redis.cache_manifests import METRICS_PORT, CachePlan
from components.redis.cache_manifests import PORT as CACHE_PORT
from components.redis.connection import key_prefix, user_name
from components.redis.shared_cache import CacheUser, SharedCache, SharedCacheArgs
from components.secrets.generated import GeneratedSecret
from components.secrets.rotation import Logins
from stacks import kubernetes_outputs, templates
from stacks.applications import database_plan, granted_to, in_order, variables_of
from stacks.cluster import require_cluster
from stacks.in_cluster import (
    Facts,
    InNamespace,
    Login,
    cache_facts,
    database_facts,
    documents_facts,
    provider,
)
from stacks.kubernetes_backups import ServerBackups
from stacks.kubernetes_settings import CloudNativePgServer, FerretDocuments, KubernetesCache, Storage
from stacks.monitoring import monitoring_args
from stacks.secret_checks import rotation_of
from stacks.settings import App, EnvironmentSettings, ExternalCache, ExternalDocuments
from stacks.snapshots import Snapshots
from stacks.sources import pushed, synced
from stacks.workload_plan import limits, requests, workload_plan

OPERATOR_NAMESPACE = "cnpg-system"
METRICS = 9187
"""Of each instance: https://cloudnative-pg.io/documentation/1.28/monitoring/."""


class KubernetesStack:
    """Composes one Kubernetes environment out of its settings."""

    def __init__(self, settings: EnvironmentSettings, stack: str) -> None:
        self.settings, self.stack = settings, stack
        assert isinstance(settings.server, CloudNativePgServer)  # noqa: S101 - stacks.checks allows no other yet
        self.server = settings.server
        self.access = require_cluster(settings, stack)
        self.provider = provider(self.access)
        self.synced = synced(settings.secrets.source, self.access, self.options)
        self._namespaces: dict[str, pulumi.Resource] = {}
        self._databases: dict[str, ClusterDatabase] = {}
        self._shared_cache: SharedCache | None = None

    def compose(self) -> None:
        """Make everything, and export the contract for pull requests."""
        applications = in_order(self.settings.apps)
        dates = {name: rotation_of(self.settings, app) for name, app in applications}
        plans = {name: database_plan(name, app, rotated=bool(dates[name])) for name, app in applications}
        secrets = {name: GeneratedSecret(name) for name, _ in applications}
        logins = {name: Logins(name, plans[name], secrets[name], dates[name]) for name, _ in applications}
        roles = {name: self._role_secrets(name, plans[name], logins[name]) for name, _ in applications}
        backups = ServerBackups(self.server, self.access, self.options, self._server_namespace())
        cluster = self._cluster(roles, backups)
        snapshots = Snapshots(self.settings, cluster, self.server.namespace, self.options)
        for name, app in applications:
            self._databases[name] = self._database(name, app, plans[name], roles[name], logins[name], cluster)
            self._push(name, plans[name], roles[name], logins[name])
            snapshots.of(name, app, plans[name], after=self._databases[name].ready)
            self._application(name, app, plans[name], secrets[name], logins[name], cluster)
        queries = self.server.drill.queries if self.server.drill else {}
        databases = {plan.database: queries.get(name, "") for name, plan in plans.items()}
        backups.begin(cluster, databases, after=[one.ready for one in self._databases.values()])
        if watched := monitoring_args(self.settings):
            Monitoring("monitoring", watched, self.options(cluster.ready))
        kubernetes_outputs.export(self.settings, self.stack, self.access, cluster.authority.certificate)

    def options(self, *after: pulumi.Resource, protect: bool = False) -> pulumi.ResourceOptions:
        """For a resource that comes after the given ones."""
        return pulumi.ResourceOptions(providers=[self.provider], depends_on=list(after), protect=protect or None)

    def _namespace(self, name: str, *, protect: bool = False) -> list[pulumi.Resource]:
        """The namespace, for what is to come after it; nothing where somebody else makes them."""
        if not self.settings.cluster.create_namespaces:
            return []
        if name not in self._namespaces:
            given = {CLIENTS: self.server.namespace}
            self._namespaces[name] = objects.namespace(name, given, self.options(protect=protect))
        return [self._namespaces[name]]

    def _role_secrets(self, name: str, plan: DatabasePlan, logins: Logins) -> RoleSecrets:
        passwords = {role: logins.password(role) for role in plan.logins}
        namespace, after = self.server.namespace, self._server_namespace()
        elsewhere = {plan.roles.readwrite: self.synced.login(name, plan, namespace, after)} if self.synced else {}
        return RoleSecrets(
            name, plan, namespace=namespace, passwords=passwords, synced=elsewhere, opts=self.options(*after)
        )

    def _push(self, name: str, plan: DatabasePlan, roles: RoleSecrets, logins: Logins) -> None:
        """What works by now goes to the store as well."""
        if self.settings.secrets.push:
            in_use = logins.in_use(plan.roles.readwrite).apply(lambda login: roles.names[login])
            options = self.options(self._databases[name].ready)
            pushed(self.settings.secrets.push, name, self.server.namespace, in_use, options)

    def _server_namespace(self) -> list[pulumi.Resource]:
        return self._namespace(self.server.namespace, protect=self.server.protect)

    def _cluster(self, roles: Mapping[str, RoleSecrets], backups: ServerBackups) -> SharedPostgresCluster:
        server, namespace = self.server, self._server_namespace()
        watched = monitoring_args(self.settings)
        queries = CustomQueries("monitoring-queries", watched, self.options(*namespace)).ready if watched else None
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
            requests=requests(server.resources),
            limits=limits(server.resources),
            parameters=dict(server.parameters),
            protect=server.protect,
            superuser=self.synced.superuser(server.name, server.namespace, namespace)
            if self.synced
            else GeneratedSecret("superuser").password(SUPERUSER),
            brancher_password=GeneratedSecret("brancher").password(names.BRANCHER),
            roles=[role for one in roles.values() for role in one.roles],
            archive=backups.archive,
            heartbeat_password=GeneratedSecret("heartbeat").password(names.HEARTBEAT) if backups.archive else None,
            restore=backups.restore,
            monitoring=cluster_monitoring(watched) if watched else {},
            after=[
                *namespace,
                *backups.resources,
                *([queries] if queries else []),
                *(resource for one in roles.values() for resource in one.resources),
            ],
        )
        selected = {"cnpg.io/cluster": server.name}
        self._policy(server.name, selected, [PORT], METRICS, namespace, trusted=[OPERATOR_NAMESPACE])
        return SharedPostgresCluster(server.name, args, self.options())

    def _policy(
        self,
        name: str,
        selected: dict[str, str],
        ports: list[int],
        metrics: int,
        after: list[pulumi.Resource],
        trusted: list[str] | None = None,
    ) -> None:
        namespace = self.server.namespace
        kubernetes.networking.v1.NetworkPolicy(
            f"{name}-clients",
            metadata={"name": f"{name}-clients", "namespace": namespace},
            spec=network_policies.shared_service(
                selected, ports, namespace=namespace, metrics=metrics, trusted=trusted or []
            ),
            opts=self.options(*after),
        )

    def _database(
        self,
        name: str,
        app: App,
        plan: DatabasePlan,
        roles: RoleSecrets,
        logins: Logins,
        cluster: SharedPostgresCluster,
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
            # Only a login that was seen to work is given to the application.
            triggers={"rotation": logins.number} if logins.number else {},
            after=[cluster.ready, *granted],
        )
        return ClusterDatabase(name, args, self.options())

    def _application(
        self,
        name: str,
        app: App,
        plan: DatabasePlan,
        secret: GeneratedSecret,
        logins: Logins,
        cluster: SharedPostgresCluster,
    ) -> None:
        namespace, roles = app.namespace or name, plan.roles
        place = InNamespace(name=name, namespace=namespace, access=self.access, options=self.options)
        login = Login(
            host=cluster.host,
            database=plan.database,
            user=roles.readwrite,
            owner=roles.owner,
            credentials=logins.credentials(roles.readwrite),
        )
        facts = [database_facts(login, logins.credentials(roles.readonly))]
        after: list[pulumi.Resource] = [*self._namespace(namespace), self._databases[name].ready]
        if app.cache:
            made, user = self._cache_user(name, secret, cluster)
            facts.append(made)
            after += user
        documents, ferret = self.settings.documents, None
        if app.documents and isinstance(documents, ExternalDocuments):
            facts.append(pulumi.Output.secret(templates.external_mongodb_facts(documents.uri)))
        if app.documents and isinstance(documents, FerretDocuments):
            ferret = place.ferret_plan(documents, self.server.image_name)
            facts.append(documents_facts(ferret, login, secret.password("documents"), plan.database))
        texts = variables_of(name, app)
        elsewhere = self.synced.variables(name, namespace, texts, plan, login.address, after) if self.synced else {}
        secrets = place.secrets(
            {one: its for one, its in texts.items() if one not in elsewhere},
            facts,
            cluster.authority.certificate,
            readers=app.readers,
            synced=elsewhere,
            after=after,
        )
        if ferret:
            served = place.ferret(
                ferret, login, secret.password("documents"), cluster.authority, after=[*after, secrets.trust]
            )
            after.append(served.ready)
        if app.workload:
            reload = self.synced.reload if self.synced else ""
            its = workload_plan(app.workload, application=name, namespace=namespace, secrets=secrets.names)
            place.workload(its, secrets, app.workload.migrations, reload=reload, after=after)

    def _cache(self, cluster: SharedPostgresCluster) -> SharedCache:
        """The cache, made when the first application asks for it."""
        settings = self.settings.cache
        assert isinstance(settings, KubernetesCache)  # noqa: S101 - stacks.checks allows no other that isn't external
        if self._shared_cache is None:
            after = self._namespace(settings.namespace)
            args = SharedCacheArgs(
                plan=cache_plan(settings),
                access=self.access,
                authority=cluster.authority,
                passwords=GeneratedSecret("cache"),
                protect=self.server.protect,
                after=after,
            )
            self._shared_cache = SharedCache(settings.name, args, self.options())
            self._policy(settings.name, dict(args.plan.selected), [CACHE_PORT], METRICS_PORT, after)
        return self._shared_cache

    def _cache_user(
        self, name: str, secret: GeneratedSecret, cluster: SharedPostgresCluster
    ) -> tuple[Facts, list[pulumi.Resource]]:
        settings, user, prefix = self.settings.cache, user_name(name), key_prefix(name)
        if isinstance(settings, ExternalCache):
            return pulumi.Output.secret(templates.external_redis_facts(settings.url, prefix)), []
        cache, password = self._cache(cluster), secret.password("cache")
        made = CacheUser(
            f"{name}-cache", plan=cache.plan, access=self.access, user=user, prefix=prefix, password=password,
            opts=self.options(cache.ready),
        )  # fmt: skip
        return cache_facts(cache.host, cache.port, user, prefix, password), [made.ready]


def cache_plan(settings: KubernetesCache) -> CachePlan:
    """The cache as its settings have it."""
    return CachePlan(
        name=settings.name,
        namespace=settings.namespace,
        engine=settings.engine,
        image=settings.image_name,
        exporter_image=settings.exporter_image,
        storage=_volume(settings.storage),
        requests=requests(settings.resources),
        limits=limits(settings.resources),
    )


def _volume(storage: Storage) -> Volume:
    return Volume(size=storage.size, storage_class=storage.class_name)
