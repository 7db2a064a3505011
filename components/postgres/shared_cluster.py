"""A CloudNativePG cluster that many applications share, with the logins that it needs itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.kubernetes import objects
from components.kubernetes.access import Access
from components.kubernetes.task import Task, TaskArgs
from components.names import BRANCHER
from components.postgres import cnpg_manifests as cnpg
from components.postgres import script_pod
from components.postgres.cnpg_manifests import ClusterPlan, ManagedRole, Volume
from components.postgres.script import server_script
from components.postgres.script_pod import ServerAccess
from components.secrets.certificates import Authority

BASIC_AUTH = "kubernetes.io/basic-auth"
SUPERUSER = "postgres"
PORT = 5432


def superuser_secret(cluster: str) -> str:
    """The superuser's basic-auth Secret, in the cluster's namespace."""
    return f"{cluster}-superuser"


@dataclass(frozen=True, kw_only=True)
class SharedPostgresClusterArgs:
    """What the cluster is, and who has a login on it."""

    name: str
    namespace: str
    access: Access
    image: str
    instances: int
    synchronous: int
    spread: bool
    storage: Volume
    wal_storage: Volume | None
    requests: dict[str, str]
    limits: dict[str, str]
    parameters: dict[str, str]
    protect: bool
    """Whether `destroy` leaves it alone; where it is deleted by force, its volumes stay."""
    superuser: pulumi.Output[str] | pulumi.Resource
    """Its password, or what writes the Secret of `superuser_secret`."""
    brancher_password: pulumi.Output[str]
    roles: Sequence[ManagedRole]
    """The applications'."""
    monitoring: Mapping[str, Any] = field(default_factory=dict)
    """The Cluster's `spec.monitoring`."""
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)
    """What has to exist first: the namespace, the Secrets that `roles` name."""


class SharedPostgresCluster(pulumi.ComponentResource):
    """The cluster, healthy: what depends on `ready` finds a primary that takes logins over TLS."""

    ready: pulumi.Resource

    def __init__(self, name: str, args: SharedPostgresClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("socle:postgres:SharedPostgresCluster", name, None, opts)
        self._name, self._args = name, args
        self.host = f"{args.name}-rw.{args.namespace}.svc"
        """Of the primary, from every namespace; the operator's certificates name it."""
        self.readonly_host = f"{args.name}-ro.{args.namespace}.svc"
        authority = Authority(
            f"{name}-authority", common_name=args.name, opts=pulumi.ResourceOptions(parent=self, protect=args.protect)
        )
        self.authority = authority
        secrets = [self._superuser(), self._authority(authority), self._brancher()]
        self.cluster = self._cluster(secrets)
        self.ready = self._settled()
        self.register_outputs({})

    @property
    def access(self) -> ServerAccess:
        """How a pod in the cluster's namespace reaches it."""
        args = self._args
        return ServerAccess(
            host=self.host,
            image=args.image,
            superuser_secret=superuser_secret(args.name),
            authority_secret=f"{args.name}-server-ca",
        )

    def _superuser(self) -> pulumi.Resource:
        given = self._args.superuser
        if isinstance(given, pulumi.Resource):
            return given
        data: Mapping[str, pulumi.Input[str]] = {"username": SUPERUSER, "password": given}
        made: pulumi.Resource = self._secret("superuser", self.access.superuser_secret, data, kind=BASIC_AUTH)
        return made

    def _authority(self, authority: Authority) -> kubernetes.core.v1.Secret:
        data = {"ca.crt": authority.certificate, "ca.key": authority.key}
        return self._secret("server-ca", self.access.authority_secret, data)

    def _brancher(self) -> kubernetes.core.v1.Secret:
        data: Mapping[str, pulumi.Input[str]] = {"username": BRANCHER, "password": self._args.brancher_password}
        return self._secret("brancher", f"{self._args.name}-brancher", data, kind=BASIC_AUTH)

    def _secret(
        self, suffix: str, secret_name: str, data: Mapping[str, pulumi.Input[str]], kind: str = "Opaque"
    ) -> kubernetes.core.v1.Secret:
        return objects.secret(
            f"{self._name}-{suffix}",
            namespace=self._args.namespace,
            secret_name=secret_name,
            data=data,
            kind=kind,
            given={cnpg.RELOAD: "true"},
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(self._args.after)),
        )

    def _cluster(self, secrets: list[pulumi.Resource]) -> pulumi.Resource:
        args = self._args
        brancher = ManagedRole(
            name=BRANCHER,
            comment="socle: makes pull requests' databases",
            login=True,
            password_secret=f"{args.name}-brancher",
            create_database=True,
            create_role=True,
        )
        plan = ClusterPlan(
            name=args.name,
            namespace=args.namespace,
            image=args.image,
            instances=args.instances,
            synchronous=args.synchronous,
            spread=args.spread,
            storage=args.storage,
            wal_storage=args.wal_storage,
            requests=args.requests,
            limits=args.limits,
            parameters=args.parameters,
            superuser_secret=self.access.superuser_secret,
            authority_secret=self.access.authority_secret,
            roles=(brancher, *args.roles),
            monitoring=args.monitoring,
        )
        options = pulumi.ResourceOptions(
            parent=self,
            depends_on=[*secrets, *args.after],
            protect=args.protect,
            retain_on_delete=args.protect or None,
            custom_timeouts=pulumi.CustomTimeouts(create="20m", update="30m", delete="10m"),
        )
        made: pulumi.Resource = objects.custom(self._name, cnpg.cluster(plan), options)
        return made

    def _settled(self) -> pulumi.Resource:
        """Nobody but who is meant to may log in to the databases that are no application's."""
        text = server_script(("postgres", "template1", cnpg.MAINTENANCE))
        pod = script_pod.pod(self.access, text, database="postgres", logins=[f"{self._args.name}-brancher"])
        return Task(
            f"{self._name}-access",
            TaskArgs(access=self._args.access, namespace=self._args.namespace, apply=pod),
            pulumi.ResourceOptions(parent=self, depends_on=[self.cluster]),
        )
