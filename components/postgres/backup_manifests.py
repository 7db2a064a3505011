"""What the operator and its plugin are asked for: a store, scheduled base backups. Pure.

https://cloudnative-pg.io/plugin-barman-cloud/docs/plugin-barman-cloud.v1/
"""

from __future__ import annotations

from typing import Any

from components.kubernetes.manifests import Manifest, labels
from components.postgres.archive import PLUGIN, Store
from components.postgres.cnpg_manifests import API_VERSION

_CREDENTIALS = {"accessKey": "accessKeyId", "secretKey": "secretAccessKey", "region": "region"}


def object_store(store: Store, *, retention: str = "", wal: str = "none", data: str = "none") -> Manifest:
    """The ObjectStore; without `retention` nothing in it is ever deleted."""
    credentials: dict[str, Any] = {_CREDENTIALS[key]: {"name": store.name, "key": key} for key in store.keys}
    if "accessKey" not in store.keys:
        credentials["inheritFromIAMRole"] = True
    return {
        "apiVersion": "barmancloud.cnpg.io/v1",
        "kind": "ObjectStore",
        "metadata": {
            "name": store.name,
            "namespace": store.namespace,
            "labels": labels(store.name, part_of="postgresql"),
        },
        "spec": {
            "configuration": {
                "destinationPath": store.destination,
                **({"endpointURL": store.endpoint} if store.endpoint else {}),
                "s3Credentials": credentials,
                **({"wal": {"compression": wal}} if wal != "none" else {}),
                **({"data": {"compression": data}} if data != "none" else {}),
            },
            **({"retentionPolicy": retention} if retention else {}),
        },
    }


def scheduled_backup(cluster: str, *, namespace: str, schedule: str, immediate: bool) -> Manifest:
    """The ScheduledBackup, with a schedule of six fields."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ScheduledBackup",
        "metadata": {"name": cluster, "namespace": namespace, "labels": labels(cluster, part_of="postgresql")},
        "spec": {
            "schedule": schedule,
            "immediate": immediate,
            # The Backup objects go with the schedule; what is in the store stays.
            "backupOwnerReference": "self",
            "cluster": {"name": cluster},
            "method": "plugin",
            "pluginConfiguration": {"name": PLUGIN},
        },
    }
