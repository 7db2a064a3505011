"""What an application finds in its own namespace: its variables as Secrets, what to trust, and who may read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.kubernetes import objects
from components.kubernetes.manifests import TRUST, Manifest, digest, labels

_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class ApplicationSecretsArgs:
    """Which variables, and for whom."""

    application: str
    namespace: str
    variables: Mapping[str, pulumi.Output[Mapping[str, str]]]
    """By the Secret's name."""
    authority: pulumi.Input[str]
    """PEM; no secret."""
    readers: Sequence[str] = ()
    """Groups, as the cluster's authentication names them."""


class ApplicationSecrets(pulumi.ComponentResource):
    """An application's Secrets, readable by its service account and the named groups and nobody else that RBAC knows.

    Pods get them by `envFrom`; a pod that is to be rolled when they change carries their checksum.
    """

    def __init__(self, name: str, args: ApplicationSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("socle:secrets:ApplicationSecrets", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        self.secrets = [
            objects.secret(
                f"{name}-{secret_name}",
                namespace=args.namespace,
                secret_name=secret_name,
                data=values,
                given=labels(args.application),
                opts=mine,
            )
            for secret_name, values in args.variables.items()
        ]
        self.trust = kubernetes.core.v1.ConfigMap(
            f"{name}-trust",
            metadata={"name": TRUST, "namespace": args.namespace, "labels": labels(args.application)},
            data={"ca.crt": args.authority},
            opts=mine,
        )
        self.account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account",
            metadata={"name": args.application, "namespace": args.namespace, "labels": labels(args.application)},
            automount_service_account_token=False,
            opts=mine,
        )
        self.names = tuple(args.variables)
        self.checksum: pulumi.Output[str] = pulumi.Output.unsecret(
            pulumi.Output.all(args.authority, *args.variables.values()).apply(digest)
        )
        """Of all of it: who is started with it carries this, and is rolled when it changes."""
        self.resources: list[pulumi.Resource] = [*self.secrets, self.trust, self.account]
        self._access(name, args, mine)
        self.register_outputs({})

    @staticmethod
    def _access(name: str, args: ApplicationSecretsArgs, opts: pulumi.ResourceOptions) -> None:
        meta = {
            "name": f"{args.application}-secrets",
            "namespace": args.namespace,
            "labels": labels(args.application),
        }
        role = kubernetes.rbac.v1.Role(
            f"{name}-readers", metadata=meta, rules=[rule(sorted(args.variables))], opts=opts
        )
        kubernetes.rbac.v1.RoleBinding(
            f"{name}-readers",
            metadata=meta,
            role_ref={"apiGroup": _RBAC, "kind": "Role", "name": role.metadata["name"]},
            subjects=subjects(args.application, args.namespace, args.readers),
            opts=opts,
        )


def rule(secret_names: Sequence[str]) -> Manifest:
    """Reading these Secrets, each by its name: whoever may list them sees the contents of all."""
    return {"apiGroups": [""], "resources": ["secrets"], "resourceNames": list(secret_names), "verbs": ["get"]}


def subjects(application: str, namespace: str, readers: Sequence[str]) -> list[Manifest]:
    """The application's service account, and the groups."""
    account = {"kind": "ServiceAccount", "name": application, "namespace": namespace}
    return [account, *({"kind": "Group", "apiGroup": _RBAC, "name": group} for group in readers)]
