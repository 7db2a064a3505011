"""The way to one Kubernetes cluster, by the kubeconfig, and the proof that it is the one meant."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

IDENTITY_NAMESPACE = "kube-system"
"""Its uid stands for the cluster: it is made with it, and nothing makes it anew.

OpenTelemetry takes it for the same: https://opentelemetry.io/docs/specs/semconv/resource/k8s/#cluster."""


class ClusterError(Exception):
    """The cluster can't be used, in one sentence; nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Which cluster: a context of the kubeconfig that `KUBECONFIG` names, and who it must be."""

    context: str = ""
    """Empty is the kubeconfig's current context."""
    identity: str = ""
    """The uid of its namespace kube-system."""


def connect(context: str = "") -> Any:
    """A client of the cluster behind `context`. Raises ClusterError where the kubeconfig has no such way."""
    from kubernetes import config

    try:
        return _client(context) if context else _client(_current())
    except config.ConfigException as error:
        reason = str(error).splitlines()[0]
        raise ClusterError(f"the kubeconfig gives no way to {context or 'a cluster'}: {reason}") from None


def identity(client: Any) -> str:
    """The cluster's identity. Raises ClusterError where it doesn't answer or lets nobody look."""
    import urllib3
    from kubernetes.client import ApiException, CoreV1Api

    try:
        namespace = CoreV1Api(client).read_namespace(IDENTITY_NAMESPACE, _request_timeout=_SECONDS)
    except ApiException as error:
        refusal = f"{client.configuration.host} refuses to say who it is: {error.status} {error.reason}"
        raise ClusterError(refusal) from None
    except urllib3.exceptions.HTTPError as error:
        reason = str(getattr(error, "reason", error)).split(": ", 1)[-1]
        raise ClusterError(f"{client.configuration.host} doesn't answer: {reason}") from None
    return str(namespace.metadata.uid)


def require(access: Access) -> Any:
    """A client of the cluster that `access` means. Raises ClusterError where it is another one."""
    client = connect(access.context)
    found = identity(client)
    if found != access.identity:
        raise ClusterError(
            f"{client.configuration.host} is the cluster {found}, and {access.identity} is meant: the kubeconfig leads "
            "elsewhere"
        )
    return client


_SECONDS = 15
"""For one answer. A cluster that takes longer to say who it is will not do the rest in a useful time."""


def _current() -> str:
    from kubernetes import config

    _, active = config.list_kube_config_contexts()
    return str(active["name"])


@lru_cache(maxsize=8)
def _client(context: str) -> Any:
    from kubernetes import client, config

    settings = client.Configuration()
    config.load_kube_config(context=context, client_configuration=settings)
    # One failing request must not take three time-outs.
    settings.retries = 1
    return client.ApiClient(settings)
