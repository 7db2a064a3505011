"""What is to be proven, as the pod is told it: JSON in a variable. Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

VARIABLE = "SOCLE_PLAN"
"""The environment variable that has the plan."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """An S3 store. Its keys are where boto3 looks for them: in AWS_ACCESS_KEY_ID and the like, or in the pod's role."""

    destination: str
    """`s3://bucket/folder`."""
    endpoint: str = ""
    """Empty: Amazon's."""

    @property
    def bucket(self) -> str:
        """The bucket of the destination."""
        return self.destination.removeprefix("s3://").partition("/")[0]

    @property
    def prefix(self) -> str:
        """What every key in it begins with: empty, or a path with a slash at its end."""
        folder = self.destination.removeprefix("s3://").partition("/")[2].strip("/")
        return f"{folder}/" if folder else ""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a restore has to reach."""

    kind: Literal["end", "time", "backup"]
    """`end`: all that was in the archive when the restore began."""
    time: dt.datetime | None = None
    backup: str = ""
    """barman's id of it: `20261121T020000`."""


@dataclass(frozen=True, kw_only=True)
class Restore:
    """A restore that is to be proven."""

    store: Store
    server_name: str
    """The archive's folder; heartbeats are marked with it."""
    target: Target
    began: dt.datetime | None = None
    """What was archived by then must be there; None while it hasn't begun."""
    tolerance_seconds: int
    """How much older than its target the newest heartbeat may be."""


@dataclass(frozen=True, kw_only=True)
class Drill:
    """A restore into a throw-away cluster, to be proven and removed."""

    restore: Restore
    cluster: Mapping[str, Any]
    """The manifest of the throw-away Cluster."""
    report: str
    """The ConfigMap with the result."""
    databases: Mapping[str, str]
    """Each has to be there and readable. Name → a query that has to answer true, or nothing."""
    timeout_seconds: int
    freshness_seconds: int
    """How old the newest heartbeat may be when the drill begins."""


def restore(document: Mapping[str, Any]) -> Restore:
    """The restore in a plan. Raises KeyError or ValueError for what is none."""
    target = document["target"]
    return Restore(
        store=Store(destination=document["destination"], endpoint=document["endpoint"]),
        server_name=document["serverName"],
        target=Target(kind=target["kind"], time=_time(target.get("time")), backup=target.get("backup", "")),
        began=_time(document.get("began")),
        tolerance_seconds=int(document["toleranceSeconds"]),
    )


def drill(document: Mapping[str, Any]) -> Drill:
    """The drill in a plan. Raises KeyError or ValueError for what is none."""
    return Drill(
        restore=restore(document["restore"]),
        cluster=document["cluster"],
        report=document["report"],
        databases=document["databases"],
        timeout_seconds=int(document["timeoutSeconds"]),
        freshness_seconds=int(document["freshnessSeconds"]),
    )


def read(environment: Mapping[str, str]) -> dict[str, Any]:
    """The plan's document. Raises KeyError where the variable is missing."""
    found: dict[str, Any] = json.loads(environment[VARIABLE])
    return found


def _time(text: str | None) -> dt.datetime | None:
    found = dt.datetime.fromisoformat(text) if text else None
    if found and found.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return found
