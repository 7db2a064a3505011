"""A cluster's archive: where it lies, and what a Cluster says to write to it or to come out of one. Pure.

https://cloudnative-pg.io/plugin-barman-cloud/docs/usage/
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from components.kubernetes.manifests import Manifest, secret_variable

PLUGIN = "barman-cloud.cloudnative-pg.io"
ORIGIN = "origin"
"""What a restored cluster calls the one whose archive it came out of."""
ORIGIN_ANNOTATION = "socle.dev/restored-from"
"""On a Cluster that was restored: out of what. What isn't told is that the operator reads it only once."""
KEYS = {"AWS_ACCESS_KEY_ID": "accessKey", "AWS_SECRET_ACCESS_KEY": "secretKey", "AWS_DEFAULT_REGION": "region"}
"""boto3's variables, and their keys in the store's Secret."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """An S3 store that ObjectStores and pods are told of."""

    name: str
    """Of the ObjectStore, and of the Secret with its keys."""
    namespace: str
    destination: str
    endpoint: str = ""
    keys: tuple[str, ...] = ()
    """Which of `KEYS` its Secret has; a store without any takes the pods' own identity."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """What a cluster writes to."""

    store: Store
    server_name: str


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a cluster comes out of, and how far it goes."""

    store: Store
    server_name: str
    point_in_time: dt.datetime | None = None
    backup: str = ""

    def __str__(self) -> str:
        return origin_words(self.store.destination, self.server_name, self.point_in_time, self.backup)


def origin_words(destination: str, server_name: str, point_in_time: dt.datetime | None, backup: str) -> str:
    """Out of what a cluster is restored, in one line."""
    until = f" up to {point_in_time:%Y-%m-%dT%H:%M:%S.%fZ}" if point_in_time else f" backup {backup}" if backup else ""
    return f"{destination} {server_name}{until}"


def archiver(archive: Archive) -> list[Manifest]:
    """The Cluster's `plugins`."""
    parameters = {"barmanObjectName": archive.store.name, "serverName": archive.server_name}
    return [{"name": PLUGIN, "enabled": True, "isWALArchiver": True, "parameters": parameters}]


def recovery(origin: Origin, *, database: str) -> dict[str, Any]:
    """The Cluster's `bootstrap` and `externalClusters`; `database` and a role of that name are in the archive."""
    target = _target(origin)
    parameters = {"barmanObjectName": origin.store.name, "serverName": origin.server_name}
    return {
        "bootstrap": {
            "recovery": {
                "source": ORIGIN,
                "database": database,
                "owner": database,
                **({"recoveryTarget": target} if target else {}),
            }
        },
        "externalClusters": [{"name": ORIGIN, "plugin": {"name": PLUGIN, "parameters": parameters}}],
    }


def store_variables(store: Store) -> list[Manifest]:
    """The environment variables by which boto3 has the store's keys."""
    return [secret_variable(name, store.name, key) for name, key in KEYS.items() if key in store.keys]


def _target(origin: Origin) -> dict[str, Any]:
    if origin.backup:
        return {"backupID": origin.backup, "targetImmediate": True}
    if origin.point_in_time:
        return {"targetTime": f"{origin.point_in_time:%Y-%m-%d %H:%M:%S.%f+00}"}
    return {}
