"""A store that archives lie in, as the operator and the pods that prove a restore know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.kubernetes import objects
from components.postgres import backup_manifests
from components.postgres.archive import Store


@dataclass(frozen=True, kw_only=True)
class BackupStoreArgs:
    """Where it lies, and what becomes of what is written to it."""

    store: Store
    keys: Mapping[str, pulumi.Input[str]]
    """By the keys of the Secret; empty where the pods' own identity has the rights."""
    retention: str = ""
    """Empty: nothing is ever deleted."""
    wal_compression: str = "none"
    data_compression: str = "none"
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)


class BackupStore(pulumi.ComponentResource):
    """The plugin's ObjectStore and the Secret with its keys."""

    ready: pulumi.Resource

    def __init__(self, name: str, args: BackupStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("socle:postgres:BackupStore", name, None, opts)
        store, after = args.store, list(args.after)
        if store.keys:
            secret = objects.secret(
                f"{name}-keys",
                namespace=store.namespace,
                secret_name=store.name,
                data=dict(args.keys),
                opts=pulumi.ResourceOptions(parent=self, depends_on=after),
            )
            after = [secret]
        manifest = backup_manifests.object_store(
            store, retention=args.retention, wal=args.wal_compression, data=args.data_compression
        )
        self.ready = objects.custom(name, manifest, pulumi.ResourceOptions(parent=self, depends_on=after))
        self.register_outputs({})
