"""Which Kubernetes cluster an environment means, proven before anything is changed in it."""

from __future__ import annotations

from typing import Any

from components.kubernetes import access
from components.kubernetes.access import Access, ClusterError
from components.postgres.archive import ORIGIN_ANNOTATION, origin_words
from stacks.kubernetes_settings import CloudNativePgServer
from stacks.problems import Problem, SettingsError
from stacks.settings import EnvironmentSettings


def require_cluster(settings: EnvironmentSettings, stack: str) -> Access:
    """The way to the cluster that the settings mean.

    Raises SettingsError where the kubeconfig leads elsewhere, or where a server that is there came from elsewhere.
    """
    way = require(settings.cluster.context, settings.cluster.identity, stack)
    if isinstance(settings.server, CloudNativePgServer):
        require_same_origin(settings.server, way, stack)
    return way


def require(context: str, identity: str, stack: str) -> Access:
    """The way to the cluster with this identity. Raises SettingsError where the kubeconfig leads elsewhere."""
    try:
        client = access.connect(context)
        found = access.identity(client)
    except ClusterError as error:
        raise SettingsError(
            f"Pulumi.{stack}.yaml",
            [
                Problem(
                    path="socle:cluster.context", found=str(error), allowed="a context of a cluster that answers",
                    write="context: …   # kubectl config get-contexts; KUBECONFIG names the file",
                )
            ],
        ) from None  # fmt: skip
    if found == identity:
        return Access(context=context, identity=found)
    host = client.configuration.host
    raise SettingsError(
        f"Pulumi.{stack}.yaml",
        [
            Problem(
                path="socle:cluster.identity",
                found=f"{identity or 'nothing'}; the kubeconfig leads to {host}, whose kube-system is {found}",
                allowed="the uid of the namespace kube-system of the cluster that is meant",
                write=f"identity: {found}   # if {host} is meant",
            )
        ],
    )


def require_same_origin(server: CloudNativePgServer, way: Access, stack: str) -> None:
    """See that a cluster that is there already came from where the settings say; the operator would ignore a change.

    Raises SettingsError.
    """
    there = _live(server, way)
    if there is None:
        return
    found = (there["metadata"].get("annotations") or {}).get(ORIGIN_ANNOTATION, "")
    wanted = origin(server)
    if found == wanted:
        return
    raise SettingsError(
        f"Pulumi.{stack}.yaml",
        [
            Problem(
                path="socle:server.restoreFrom",
                found=f"{wanted or 'nothing'}; and the cluster {server.namespace}/{server.name} is there already, "
                + (f"restored from {found}" if found else "made empty"),
                allowed="what the cluster was made from, as long as it is there; a restore makes a new one beside it",
                write=f"name: {server.name}-2   # at socle:server" if wanted else f"restoreFrom: …   # {found}",
            )
        ],
    )


def origin(server: CloudNativePgServer) -> str:
    """Out of what the settings have the cluster restored, in one line; empty for a new one."""
    given = server.restore_from
    store = (given.store or server.backup) if given else None
    if not (given and store):
        return ""
    return origin_words(store.destination, given.server_name, given.point_in_time, given.backup or "")


def _live(server: CloudNativePgServer, way: Access) -> dict[str, Any] | None:
    from kubernetes.client import ApiException, CustomObjectsApi

    try:
        found: dict[str, Any] = CustomObjectsApi(access.connect(way.context)).get_namespaced_custom_object(
            "postgresql.cnpg.io", "v1", server.namespace, "clusters", server.name
        )
    except ApiException as error:
        # Also where the operator isn't there yet. Whoever may not look is told so when it is to be made.
        if error.status in (403, 404):
            return None
        raise
    return found
