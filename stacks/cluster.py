"""Which Kubernetes cluster an environment means, proven before anything is changed in it."""

from __future__ import annotations

from components.kubernetes import access
from components.kubernetes.access import Access, ClusterError
from stacks.problems import Problem, SettingsError
from stacks.settings import EnvironmentSettings


def require_cluster(settings: EnvironmentSettings, stack: str) -> Access:
    """The way to the cluster that the settings mean. Raises SettingsError where the kubeconfig leads elsewhere."""
    return require(settings.cluster.context, settings.cluster.identity, stack)


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
                    write="context: …   # kubectl config get-contexts",
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
