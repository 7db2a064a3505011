"""`privileges`: an application's roles, database and grants once more, as the settings have them.

For what somebody changed behind the engine's back: it believes its state, and runs no Job whose script is the same.
"""

from __future__ import annotations

import time
from typing import Any

from kubernetes.client import CustomObjectsApi
from rich.console import Console

from components.kubernetes.access import connect
from components.postgres import script_pod
from components.postgres.cluster_database import credentials_secret
from components.postgres.script import script
from components.postgres.script_pod import ServerAccess
from stacks.applications import database_plan
from stacks.cluster import require_cluster
from stacks.kubernetes_settings import CloudNativePgServer
from tools import settings_file
from tools.errors import ToolError
from tools.kubernetes import jobs

console = Console(stderr=True, highlight=False)
TIMEOUT_SECONDS = 300


def renew(application: str, env: str) -> None:
    """Run the application's script again, and see that its logins work. Raises ToolError, SettingsError."""
    settings = settings_file.environment(env)
    server, app = settings.server, settings.apps.get(application)
    if not isinstance(server, CloudNativePgServer):
        raise ToolError(f"{env} is not on Kubernetes", f"make up ENV={env}")
    if app is None:
        there = ", ".join(settings.apps)
        raise ToolError(f"APP is “{application}”; applications of {env}: {there}", f"make privileges ENV={env} APP=…")
    client, plan = connect(require_cluster(settings, env).context), database_plan(application, app)
    logins = [credentials_secret(application, suffix) for suffix in ("", "-ro")]
    with console.status(f"{application}: roles, database, grants"):
        _run(client, server, application, script_pod.pod(_access(server), script(plan, {}, version=server.major)))
        # Only now: the operator and the script would otherwise make one role at once.
        _reconcile(client, server)
        _run(client, server, application, script_pod.pod(_access(server), "", database=plan.database, logins=logins))
    console.print(
        f"[green]✓[/] {application}: roles, database and grants are as the settings have them; its logins work"
    )


def _access(server: CloudNativePgServer) -> ServerAccess:
    return ServerAccess(
        host=f"{server.name}-rw.{server.namespace}.svc",
        image=server.image_name,
        superuser_secret=f"{server.name}-superuser",
        authority_secret=f"{server.name}-server-ca",
    )


def _reconcile(client: Any, server: CloudNativePgServer) -> None:
    """Have the operator give new roles the passwords of their Secrets: it looks again where something changes."""
    CustomObjectsApi(client).patch_namespaced_custom_object(
        "postgresql.cnpg.io", "v1", server.namespace, "clusters", server.name,
        {"metadata": {"annotations": {"socle.dev/looked-at": str(int(time.time()))}}},
    )  # fmt: skip


def _run(client: Any, server: CloudNativePgServer, application: str, pod: dict[str, Any]) -> None:
    job = jobs.Job(
        namespace=server.namespace, name=f"{application}-privileges-now", pod=pod, timeout_seconds=TIMEOUT_SECONDS
    )
    try:
        jobs.run(client, job, console.print)
    except jobs.JobError as error:
        raise ToolError(str(error), "what it said stands above") from None
