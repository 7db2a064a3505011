"""What an environment on Kubernetes tells its pull requests' stacks; no credential is among it.

A pull request's Jobs run in the namespace of the server, where the brancher's Secret is, and name it: whoever may run a
Job there needs no password of it.
"""

from __future__ import annotations

from typing import Any, Literal

import pulumi
from pydantic import ValidationError

from components.kubernetes.access import Access
from components.names import BRANCHER
from stacks.applications import variables_of
from stacks.base import Model
from stacks.checks import database_of
from stacks.kubernetes_settings import CloudNativePgServer, FerretDocuments, KubernetesCache
from stacks.settings import App, EnvironmentSettings, ExternalCache, Quota
from stacks.workload_settings import Workload

VERSION: Literal[1] = 1
CONTRACT = "kubernetes"
"""Name of the output."""


class AppOutputs(Model):
    """What a pull request needs to know of an application."""

    database: str
    namespace: str
    secrets: tuple[str, ...]
    cache: bool
    documents: bool
    connection_limit: int
    statement_timeout_ms: int
    idle_in_transaction_timeout_ms: int
    workload: Workload | None = None


class KubernetesOutputs(Model):
    """The contract."""

    version: Literal[1] = VERSION
    environment: str
    context: str
    identity: str
    namespace: str
    """Of the server."""
    server: str
    host: str
    psql_image: str
    branching_image: str
    brancher: str = BRANCHER
    brancher_secret: str
    authority_secret: str
    cache: KubernetesCache | None = None
    documents: FerretDocuments | None = None
    apps: dict[str, AppOutputs]
    time_to_live_days: int
    idle_days: int | None = None
    branches_per_application: int | None = None
    branches_total: int | None = None
    quota: Quota


def export(settings: EnvironmentSettings, stack: str, access: Access, authority: pulumi.Output[str]) -> None:
    """Export the contract, the authority's certificate, and each application's variables as templates."""
    outputs = contract(settings, stack, access)
    pulumi.export(CONTRACT, outputs.model_dump(mode="json", by_alias=True, exclude_none=True))
    pulumi.export("authority", authority)
    variables = {name: variables_of(name, app) for name, app in settings.apps.items()}
    pulumi.export("secretVariables", pulumi.Output.secret(variables))
    cache_url = settings.cache.url if isinstance(settings.cache, ExternalCache) else ""
    pulumi.export("cacheUrl", pulumi.Output.secret(cache_url))


def contract(settings: EnvironmentSettings, stack: str, access: Access) -> KubernetesOutputs:
    """The contract of the environment with `settings`."""
    server, pulls = settings.server, settings.pull_requests
    assert isinstance(server, CloudNativePgServer)  # noqa: S101 - the stack has asked
    return KubernetesOutputs.model_validate(
        {
            "environment": stack,
            "context": access.context,
            "identity": access.identity,
            "namespace": server.namespace,
            "server": server.name,
            "host": f"{server.name}-rw.{server.namespace}.svc",
            "psqlImage": server.image_name,
            "branchingImage": settings.snapshots.image,
            "brancherSecret": f"{server.name}-brancher",
            "authoritySecret": f"{server.name}-server-ca",
            "cache": _plain(settings.cache, KubernetesCache),
            "documents": _plain(settings.documents, FerretDocuments),
            "apps": {name: _app(name, app) for name, app in settings.apps.items()},
            "timeToLiveDays": pulls.time_to_live,
            "idleDays": pulls.idle_time,
            "branchesPerApplication": pulls.per_application,
            "branchesTotal": pulls.total,
            "quota": pulls.quota.model_dump(by_alias=True),
        }
    )


def read(found: Any, base: str) -> KubernetesOutputs:
    """The contract as the environment `base` exported it. Raises RunError saying what to run where it can't be read."""
    try:
        return KubernetesOutputs.model_validate(found)
    except ValidationError:
        raise pulumi.RunError(
            f"The environment {base} was brought up by another version of Socle: run `make up ENV={base}`, then this "
            "again."
        ) from None


def _plain(value: Model, kind: type[Model]) -> dict[str, Any] | None:
    return value.model_dump(mode="json", by_alias=True) if isinstance(value, kind) else None


def _app(name: str, app: App) -> dict[str, Any]:
    return {
        "database": database_of(name, app),
        "namespace": app.namespace or name,
        "secrets": list(variables_of(name, app)),
        "cache": app.cache,
        "documents": app.documents,
        "connectionLimit": app.connection_limit,
        "statementTimeoutMs": app.statement_timeout,
        "idleInTransactionTimeoutMs": app.idle_in_transaction_timeout,
        "workload": app.workload.model_dump(mode="json", by_alias=True) if app.workload else None,
    }
