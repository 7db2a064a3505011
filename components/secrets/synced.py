"""A Secret that an operator keeps as a store outside the cluster has it."""

from __future__ import annotations

import pulumi

from components.kubernetes import objects
from components.kubernetes.access import Access
from components.kubernetes.arrival import Arrival, ArrivalArgs
from components.kubernetes.manifests import Manifest
from components.secrets.sources import Login, Source, Variables


class SyncedSecret(pulumi.ComponentResource):
    """The operator's object, and that the Secret is there: what depends on `ready` can use it."""

    ready: pulumi.Resource

    def __init__(
        self,
        name: str,
        *,
        source: Source,
        wanted: Login | Variables,
        access: Access,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("socle:secrets:SyncedSecret", name, None, opts)
        manifest = source.login(wanted) if isinstance(wanted, Login) else source.variables(wanted)
        made = objects.custom(name, manifest, pulumi.ResourceOptions(parent=self))
        missing = source.missing(wanted.application)
        args = ArrivalArgs(
            access=access,
            maker=manifest,
            plural=_plural(manifest),
            secret=wanted.secret,
            keys=["username", "password"] if isinstance(wanted, Login) else list(wanted.data),
            username=wanted.role if isinstance(wanted, Login) else "",
            path=missing.path,
            allowed=missing.allowed,
            write=missing.write,
        )
        self.ready = Arrival(
            f"{name}-arrival", args, pulumi.ResourceOptions(parent=self, depends_on=[made], deleted_with=made)
        )
        self.register_outputs({})


def _plural(manifest: Manifest) -> str:
    return f"{manifest['kind'].lower()}s"
