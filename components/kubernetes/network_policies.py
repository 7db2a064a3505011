"""Who may connect to whom. Pure.

A cluster whose network doesn't know policies takes them and lets everybody through; `make doctor` says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from components.kubernetes.manifests import Manifest

CLIENTS = "socle.dev/clients-of"
"""Label of the namespaces whose pods may connect to the shared services of a namespace, which is its value."""
NAMESPACE_NAME = "kubernetes.io/metadata.name"


def shared_service(
    selected: dict[str, str], ports: Sequence[int], *, namespace: str, metrics: int, trusted: Sequence[str] = ()
) -> Manifest:
    """For a server in `namespace` that applications share: its own namespace, those labelled as its clients, and
    `trusted` ones (an operator's) get through, the first two to `ports` alone. Its metrics anybody may read."""
    sources: list[Manifest] = [{"podSelector": {}}, {"namespaceSelector": {"matchLabels": {CLIENTS: namespace}}}]
    rules: list[Manifest] = [
        # Its own pods among each other: replication, the operator's instance manager.
        {"from": [{"podSelector": {"matchLabels": dict(selected)}}]},
        {"from": sources, "ports": [{"port": port, "protocol": "TCP"} for port in ports]},
    ]
    rules.append({"ports": [{"port": metrics, "protocol": "TCP"}]})
    if trusted:
        names = {"matchExpressions": [{"key": NAMESPACE_NAME, "operator": "In", "values": list(trusted)}]}
        rules.append({"from": [{"namespaceSelector": names}]})
    return {"podSelector": {"matchLabels": dict(selected)}, "policyTypes": ["Ingress"], "ingress": rules}


def own_service(selected: dict[str, str], port: int) -> Manifest:
    """For a server of one application's own: the pods of its namespace."""
    return {
        "podSelector": {"matchLabels": dict(selected)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": port, "protocol": "TCP"}]}],
    }


def isolated(*, servers: str, port: int) -> Manifest:
    """For a whole namespace of a pull request: in comes what asks for the application's `port`, out goes what asks for
    names, for pods of its own, and for the servers in the namespace `servers`; nothing else, the internet included."""
    dns = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    return {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"ports": [{"port": port, "protocol": "TCP"}]}, {"from": [{"podSelector": {}}]}],
        "egress": [
            {"ports": dns},
            {"to": [{"podSelector": {}}]},
            {"to": [{"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: servers}}}]},
        ],
    }
