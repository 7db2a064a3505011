"""A Valkey or Redis in the cluster that many applications share, and the users on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes

from components.kubernetes import objects
from components.kubernetes.access import Access
from components.kubernetes.manifests import CHECKSUM, SKIP_AWAIT, digest, labels
from components.kubernetes.task import Task, TaskArgs
from components.redis import cache_manifests, user_pod
from components.redis.cache_manifests import CachePlan
from components.redis.rights import password_hash, rules
from components.secrets.certificates import Authority, ServerCertificate
from components.secrets.generated import GeneratedSecret


@dataclass(frozen=True, kw_only=True)
class SharedCacheArgs:
    """What the cache is."""

    plan: CachePlan
    access: Access
    authority: Authority
    passwords: GeneratedSecret
    protect: bool
    """Whether `destroy` leaves it alone. Its volume stays in any case."""
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)


class SharedCache(pulumi.ComponentResource):
    """The running cache. Nobody may do anything on it but who is made a user."""

    ready: pulumi.Resource

    def __init__(self, name: str, args: SharedCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("socle:redis:SharedCache", name, None, opts)
        self._name, self.args = name, args
        self.plan = args.plan
        self.host, self.port = self.plan.hosts[0], cache_manifests.PORT
        mine = pulumi.ResourceOptions(parent=self, depends_on=list(args.after))
        logins = self._logins(mine)
        certificate = self._certificate(mine)
        config = self._config(mine)
        self._service(mine)
        started_with = pulumi.Output.all(
            logins.string_data, certificate.string_data, cache_manifests.configuration(self.plan)
        ).apply(digest)
        self.ready = self._stateful_set(pulumi.Output.unsecret(started_with), [logins, certificate, config])
        self.register_outputs({})

    def _meta(self, name: str = "") -> dict[str, object]:
        selected = labels(self.plan.name, part_of="cache")
        return {"name": name or self.plan.name, "namespace": self.plan.namespace, "labels": selected}

    def _logins(self, opts: pulumi.ResourceOptions) -> kubernetes.core.v1.Secret:
        admin, exporter = (self.args.passwords.password(user) for user in ("admin", "exporter"))
        data = {
            "admin-password": admin,
            "admin-hash": admin.apply(password_hash),
            "exporter-password": exporter,
            "exporter-hash": exporter.apply(password_hash),
        }
        return self._secret("logins", self.plan.secret, data, opts)

    def _certificate(self, opts: pulumi.ResourceOptions) -> kubernetes.core.v1.Secret:
        made = ServerCertificate(
            f"{self._name}-certificate",
            hosts=self.plan.hosts,
            authority=self.args.authority,
            opts=pulumi.ResourceOptions(parent=self),
        )
        data = {"tls.crt": made.certificate, "tls.key": made.key, "ca.crt": self.args.authority.certificate}
        return self._secret("tls", self.plan.certificate_secret, data, opts)

    def _secret(
        self, suffix: str, secret_name: str, data: dict[str, pulumi.Output[str]], opts: pulumi.ResourceOptions
    ) -> kubernetes.core.v1.Secret:
        return objects.secret(
            f"{self._name}-{suffix}",
            namespace=self.plan.namespace,
            secret_name=secret_name,
            data=data,
            given=labels(self.plan.name, part_of="cache"),
            opts=opts,
        )

    def _config(self, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        made: pulumi.Resource = kubernetes.core.v1.ConfigMap(
            f"{self._name}-config",
            metadata=self._meta(),
            data={"server.conf": cache_manifests.configuration(self.plan)},
            opts=opts,
        )
        return made

    def _service(self, opts: pulumi.ResourceOptions) -> None:
        # The Service has its endpoint only once the pod is there, which is awaited beside it.
        kubernetes.core.v1.Service(
            f"{self._name}-service",
            metadata={**self._meta(), "annotations": {SKIP_AWAIT: "true"}},
            spec=cache_manifests.service(self.plan),
            opts=opts,
        )

    def _stateful_set(self, checksum: pulumi.Output[str], after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        spec = checksum.apply(lambda value: cache_manifests.stateful_set(self.plan, annotations={CHECKSUM: value}))
        made: pulumi.Resource = kubernetes.apps.v1.StatefulSet(
            self._name,
            metadata=self._meta(),
            spec=spec,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after), protect=self.args.protect or None),
        )
        return made


class CacheUser(pulumi.ComponentResource):
    """An application's user on a running shared cache, limited to its own key prefix; with it go its keys."""

    ready: pulumi.Resource

    def __init__(
        self,
        name: str,
        *,
        plan: CachePlan,
        access: Access,
        user: str,
        prefix: str,
        password: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("socle:redis:CacheUser", name, None, opts)
        secret_name = f"{plan.name}-user-{user}"
        words = password.apply(lambda value: " ".join(rules(prefix, value)))
        secret = objects.secret(
            f"{name}-rules",
            namespace=plan.namespace,
            secret_name=secret_name,
            data={"rules": words},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.ready = Task(
            f"{name}-user",
            TaskArgs(
                access=access,
                namespace=plan.namespace,
                apply=user_pod.set_user(plan, user, secret=secret_name),
                remove=user_pod.remove_user(plan, user, prefix),
                triggers={"rules": pulumi.Output.unsecret(words.apply(digest))},
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[secret]),
        )
        self.register_outputs({})
