"""What a Kubernetes environment has of backups: the stores, where a restored cluster comes from, schedule and drill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pulumi
import pulumi_kubernetes as kubernetes

from components.kubernetes.access import Access
from components.kubernetes.manifests import labels
from components.postgres.archive import Archive, Origin, Store
from components.postgres.backup_store import BackupStore, BackupStoreArgs
from components.postgres.backups import Backups, BackupsArgs, RestoreDrill
from components.postgres.restore_pods import DrillPlan
from components.postgres.shared_cluster import Restore, SharedPostgresCluster
from components.secrets.generated import GeneratedSecret
from stacks.backup_settings import ArchiveStore
from stacks.kubernetes_settings import CloudNativePgServer


class ServerBackups:
    """What the cluster has to find, made at once; and by `begin` what comes when it is there."""

    def __init__(
        self,
        server: CloudNativePgServer,
        access: Access,
        options: Callable[..., pulumi.ResourceOptions],
        after: Sequence[pulumi.Resource],
    ) -> None:
        self.server, self._access, self._options, self._after = server, access, options, after
        self.resources: list[pulumi.Resource] = []
        self.archive = self._archive()
        self._account = self._made_account() if server.restoring_image else None
        self.restore = self._restore()

    def begin(
        self, cluster: SharedPostgresCluster, databases: Mapping[str, str], *, after: Sequence[pulumi.Resource]
    ) -> None:
        """Schedule base backups and heartbeat, and the drill, which finds `databases` in what it restores."""
        server = self.server
        if not (server.backup and self.archive):
            return
        args = BackupsArgs(
            cluster=server.name,
            namespace=server.namespace,
            access=self._access,
            server=cluster.access,
            archive=self.archive.server_name,
            heartbeat_secret=cluster.heartbeat_secret,
            schedule=server.backup.schedule,
            immediate=server.backup.immediate,
            # The first base backup then has every application's database.
            after=[cluster.ready, *after],
        )
        backups = Backups(f"{server.name}-backups", args, self._options())
        self._drill(cluster, databases, backups.ready)

    def _archive(self) -> Archive | None:
        backup = self.server.backup
        if backup is None:
            return None
        store = self._store(f"{self.server.name}-archive", backup)
        self._backup_store(
            store, backup, retention=backup.retention, wal=backup.wal_compression, data=backup.data_compression
        )
        return Archive(store=store, server_name=self.server.archive_name)

    def _restore(self) -> Restore | None:
        given = self.server.restore_from
        if given is None:
            return None
        if given.store:
            store = self._store(f"{self.server.name}-origin", given.store)
            self._backup_store(store, given.store)
        else:
            assert self.archive  # noqa: S101 - stacks.backup_checks asks for one of the two
            store = self.archive.store
        origin = Origin(
            store=store, server_name=given.server_name, point_in_time=given.point_in_time, backup=given.backup or ""
        )
        return Restore(origin=origin, image=self.server.restoring_image, account=self._account_name)

    def _drill(self, cluster: SharedPostgresCluster, databases: Mapping[str, str], ready: pulumi.Resource) -> None:
        drill = self.server.drill
        if not (drill and self.archive and self._account):
            return
        plan = DrillPlan(
            cluster=cluster.plan,
            origin=Origin(store=self.archive.store, server_name=self.archive.server_name),
            image=self.server.restoring_image,
            schedule=drill.schedule,
            timeout_seconds=drill.timeout // 1000,
            freshness_seconds=drill.freshness // 1000,
            databases=databases,
            superuser_secret=f"{self.server.name}-drill-superuser",
            account=self._account_name,
        )
        password = GeneratedSecret("drill").password("postgres")
        RestoreDrill(plan.name, plan=plan, password=password, account=self._account, ready=ready, opts=self._options())

    def _store(self, name: str, settings: ArchiveStore) -> Store:
        given = {"accessKey": settings.credentials, "secretKey": settings.credentials, "region": settings.region}
        return Store(
            name=name,
            namespace=self.server.namespace,
            destination=settings.destination,
            endpoint=settings.endpoint or "",
            keys=tuple(key for key, value in given.items() if value),
        )

    def _backup_store(
        self, store: Store, settings: ArchiveStore, *, retention: str = "", wal: str = "none", data: str = "none"
    ) -> None:
        keys: dict[str, pulumi.Input[str]] = {"region": settings.region} if settings.region else {}
        if settings.credentials:
            keys |= {"accessKey": settings.credentials.access_key, "secretKey": settings.credentials.secret_key}
        args = BackupStoreArgs(
            store=store, keys=keys, retention=retention, wal_compression=wal, data_compression=data, after=self._after
        )
        self.resources.append(BackupStore(store.name, args, self._options()).ready)

    @property
    def _account_name(self) -> str:
        return f"{self.server.name}-restoring"

    def _made_account(self) -> pulumi.Resource:
        made: pulumi.Resource = kubernetes.core.v1.ServiceAccount(
            self._account_name,
            metadata={"name": self._account_name, "namespace": self.server.namespace, "labels": labels()},
            opts=self._options(*self._after),
        )
        self.resources.append(made)
        return made
