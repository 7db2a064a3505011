"""A FerretDB of one application's own in the cluster, over its PostgreSQL database and role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes

from components.kubernetes import network_policies, objects
from components.kubernetes.manifests import CHECKSUM, SKIP_AWAIT, digest, labels
from components.mongodb import ferret_manifests
from components.mongodb.ferret_manifests import FerretPlan
from components.secrets.certificates import Authority, ServerCertificate


@dataclass(frozen=True, kw_only=True)
class FerretArgs:
    """What it serves, and to whom."""

    plan: FerretPlan
    authority: Authority
    postgresql_url: pulumi.Output[str]
    """The database it keeps the documents in, with a login; a secret."""
    user: str
    password: pulumi.Output[str]
    generation: int = 0
    """A new value starts it afresh: its database was made anew, and with it went the users that a start sets up."""
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)


class Ferret(pulumi.ComponentResource):
    """The running FerretDB. Its documents lie in the application's database, so a branch of that has them as well."""

    ready: pulumi.Resource

    def __init__(self, name: str, args: FerretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("socle:mongodb:Ferret", name, None, opts)
        self._name, self._args, self._plan = name, args, args.plan
        self.host, self.port = args.plan.hosts[0], ferret_manifests.PORT
        mine = pulumi.ResourceOptions(parent=self, depends_on=list(args.after))
        data: Mapping[str, pulumi.Input[str]] = {
            "postgresql-url": args.postgresql_url,
            "username": args.user,
            "password": args.password,
        }
        logins = self._secret("logins", args.plan.secret, data, mine)
        made = ServerCertificate(
            f"{name}-certificate", hosts=args.plan.hosts, authority=args.authority,
            opts=pulumi.ResourceOptions(parent=self),
        )  # fmt: skip
        pair = {"tls.crt": made.certificate, "tls.key": made.key}
        certificate = self._secret("tls", args.plan.certificate_secret, pair, mine)
        # The Service has its endpoint only once the pod is there, which is awaited beside it.
        kubernetes.core.v1.Service(
            f"{name}-service",
            metadata={**self._meta(), "annotations": {SKIP_AWAIT: "true"}},
            spec=ferret_manifests.service(args.plan),
            opts=mine,
        )
        kubernetes.networking.v1.NetworkPolicy(
            f"{name}-clients",
            metadata={**self._meta(), "name": f"{args.plan.name}-clients"},
            spec=network_policies.own_service(labels(args.plan.name, part_of="documents"), ferret_manifests.PORT),
            opts=mine,
        )
        started_with = pulumi.Output.all(logins.string_data, certificate.string_data, args.generation).apply(digest)
        self.ready = self._deployment(pulumi.Output.unsecret(started_with), [logins, certificate])
        self.register_outputs({})

    def _meta(self) -> dict[str, object]:
        plan = self._plan
        return {"name": plan.name, "namespace": plan.namespace, "labels": labels(plan.name, part_of="documents")}

    def _secret(
        self, suffix: str, secret_name: str, data: Mapping[str, pulumi.Input[str]], opts: pulumi.ResourceOptions
    ) -> kubernetes.core.v1.Secret:
        return objects.secret(
            f"{self._name}-{suffix}",
            namespace=self._plan.namespace,
            secret_name=secret_name,
            data=data,
            given=labels(self._plan.name, part_of="documents"),
            opts=opts,
        )

    def _deployment(self, checksum: pulumi.Output[str], after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        plan = self._plan
        made: pulumi.Resource = kubernetes.apps.v1.Deployment(
            self._name,
            metadata=self._meta(),
            spec=checksum.apply(lambda value: ferret_manifests.deployment(plan, annotations={CHECKSUM: value})),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
        return made
