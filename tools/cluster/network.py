"""The cluster's addresses, all in the node's own network namespace, and whether this machine uses them already."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from tools.cluster import programs

NODE = "node1"
HOST_ADDRESS = "10.111.0.1"
NODE_ADDRESS = "10.111.0.2"
LINK = "10.111.0.0/30"
"""Of the one pair of interfaces that joins the node to this machine."""
INTERFACE = "socle-node"
"""This machine's end of the pair."""
PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
"""The first of the services' addresses, by Kubernetes' rule."""
DNS_SERVICE = "10.96.0.10"
API = f"https://{NODE_ADDRESS}:6443"


@dataclass(frozen=True, kw_only=True)
class Route:
    """One route of this machine."""

    network: str
    """CIDR, or `default`."""
    interface: str


def routes() -> list[Route]:
    """This machine's IPv4 routes; empty where `ip` can't tell."""
    done = subprocess.run(
        ["ip", "-json", "-4", "route"], capture_output=True, text=True, check=False, env=programs.environment()
    )
    found = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []
    return [Route(network=one["dst"], interface=one.get("dev", "")) for one in found]


def taken(found: Iterable[Route]) -> list[Route]:
    """The routes of others that overlap with the cluster's networks; a default route overlaps with everything. Pure."""
    ours = [ipaddress.ip_network(each) for each in (LINK, PODS, SERVICES)]
    return [
        route
        for route in found
        if route.network != "default"
        and route.interface != INTERFACE
        and any(ipaddress.ip_network(route.network, strict=False).overlaps(network) for network in ours)
    ]
