"""Which Kubernetes cluster an environment means, proven before anything is changed in it."""

from __future__ import annotations

from components.kubernetes import access
from components.kubernetes.access import Access, ClusterError
from stacks.problems import Problem, SettingsError
from stacks.settings import EnvironmentSettings


def require_cluster(settings: EnvironmentSettings, stack: str) -> Access:
    """The way to the cluster that the settings mean. Raises SettingsError where the kubeconfig leads elsewhere."""
    cluster = settings.cluster
    try:
        client = access.connect(cluster.context)
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
    if found == cluster.identity:
        return Access(context=cluster.context, identity=found)
    host = client.configuration.host
    raise SettingsError(
        f"Pulumi.{stack}.yaml",
        [
            Problem(
                path="socle:cluster.identity",
                found=f"{cluster.identity or 'nothing'}; the kubeconfig leads to {host}, whose kube-system is {found}",
                allowed="the uid of the namespace kube-system of the cluster that is meant",
                write=f"identity: {found}   # if {host} is meant",
            )
        ],
    )
