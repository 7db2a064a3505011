"""What there is of an environment on Kubernetes, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubernetes.client import ApiException, CustomObjectsApi
from rich.console import Console
from rich.table import Table

from components.kubernetes.access import ClusterError, connect
from stacks.kubernetes_outputs import CONTRACT
from stacks.kubernetes_settings import CloudNativePgServer
from stacks.settings import EnvironmentSettings
from tools.engine import Engine

console = Console()


def show(env: str, settings: EnvironmentSettings, engine: Engine) -> None:
    """The PostgreSQL cluster as its operator sees it, and the applications. Says so where it doesn't answer."""
    server = settings.server
    if isinstance(server, CloudNativePgServer):
        try:
            console.print(_cluster(env, server, _status(settings, server)))
        except (ApiException, ClusterError) as error:
            console.print(f"{env}: its cluster doesn't answer ({str(error).splitlines()[0]}): make up ENV={env}")
            return
    console.print(_applications(env, engine.outputs(env).get(CONTRACT, {}).get("apps") or {}))


def _status(settings: EnvironmentSettings, server: CloudNativePgServer) -> Mapping[str, Any]:
    api = CustomObjectsApi(connect(settings.cluster.context))
    found = api.get_namespaced_custom_object("postgresql.cnpg.io", "v1", server.namespace, "clusters", server.name)
    status: Mapping[str, Any] = found.get("status", {})
    return status


def _cluster(env: str, server: CloudNativePgServer, status: Mapping[str, Any]) -> Table:
    table = Table(title=f"PostgreSQL of {env}", title_justify="left")
    for column in ("cluster", "state", "instances", "primary", "image"):
        table.add_column(column, overflow="fold")
    instances = f"{status.get('readyInstances', 0)} of {server.instances} ready"
    table.add_row(
        f"{server.namespace}/{server.name}",
        status.get("phase", "unknown"),
        instances,
        status.get("currentPrimary", "–"),
        status.get("image", server.image_name),
    )
    return table


def _applications(env: str, applications: Mapping[str, Any]) -> Table:
    table = Table(title=f"Environment {env}", title_justify="left")
    for column in ("application", "database", "namespace", "Secrets"):
        table.add_column(column, overflow="fold")
    for name, about in sorted(applications.items()):
        table.add_row(name, about["database"], about["namespace"], ", ".join(about["secrets"]))
    return table
