"""Whether NetworkPolicies let a namespace's pods through to a server. Pure.

A pod that no policy selects takes everything; one that some select takes what any of them allows:
https://kubernetes.io/docs/concepts/services-networking/network-policies/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tools.doctor.facts import Enforcement, Network

ENFORCERS = (
    "calico-node", "canal", "cilium", "antrea-agent", "kube-router", "weave-net", "ovnkube-node", "kindnet",
    "azure-npm", "romana-agent",
)  # fmt: skip
NOT_ENFORCERS = ("kube-flannel", "kube-flannel-ds")


@dataclass(frozen=True, kw_only=True)
class Client:
    """Who wants in."""

    namespace: str
    labels: Mapping[str, str]
    """Of the namespace."""


def network(daemon_sets: Iterable[str], kubelets: Iterable[str]) -> Network:
    """Whether the network enforces policies, by the agents on its nodes and the nodes' own versions."""
    agents = list(daemon_sets)
    for agent in agents:
        if agent in ENFORCERS:
            return Network(enforcement=Enforcement.YES, by=agent)
    if any("+k3s" in version or "+rke2" in version for version in kubelets):
        return Network(enforcement=Enforcement.YES, by="k3s' own controller")
    for agent in agents:
        if agent in NOT_ENFORCERS:
            return Network(enforcement=Enforcement.NO, by=agent)
    return Network(enforcement=Enforcement.UNKNOWN)


def admits(
    policies: Iterable[Mapping[str, Any]], server: Mapping[str, str], home: str, client: Client, port: int
) -> bool:
    """Whether pods of `client` get through to the pods labelled `server` in the namespace `home`."""
    selecting = [
        one["spec"]
        for one in policies
        if _selected(one["spec"].get("podSelector") or {}, server)
        and "Ingress" in (one["spec"].get("policyTypes") or ["Ingress"])
    ]
    rules = [rule for spec in selecting for rule in spec.get("ingress") or []]
    return not selecting or any(_allows(rule, home, client, port) for rule in rules)


def _allows(rule: Mapping[str, Any], home: str, client: Client, port: int) -> bool:
    ports = rule.get("ports") or []
    # A port may be given by its name, which only the pod knows.
    if ports and not any(_is_port(one, port) for one in ports):
        return False
    sources = rule.get("from") or []
    return not sources or any(_is_source(one, home, client) for one in sources)


def _is_port(given: Mapping[str, Any], port: int) -> bool:
    wanted, last = given.get("port"), given.get("endPort")
    if wanted is None or isinstance(wanted, str):
        return True
    return bool(wanted <= port <= (last or wanted))


def _is_source(source: Mapping[str, Any], home: str, client: Client) -> bool:
    # Of its pods nothing is known but the namespace: a selector of pods is taken to fit, unless it is of others' pods.
    if "ipBlock" in source:
        return False
    spaces = source.get("namespaceSelector")
    return _selected(spaces, client.labels) if spaces is not None else client.namespace == home


def _selected(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or []
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _meets(one, labels) for one in expressions
    )


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
