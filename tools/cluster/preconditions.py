"""What the cluster needs of this machine, asked before anything is changed; all that is missing is said at once."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.cluster import network, programs
from tools.cluster.network import Route
from tools.errors import ToolError

PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "conntrack": "conntrack",
    "iptables": "iptables",
    "ethtool": "ethtool",
    "socat": "socat",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "modprobe": "kmod",
    "mmdebstrap": "mmdebstrap",
}
"""What is run on the machine → Debian's package that has it."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What was found."""

    system: str
    cpu: str
    root: bool
    missing_packages: tuple[str, ...]
    apt: bool
    """Whether missing packages can be installed."""
    namespaces: bool
    """Whether this process may make namespaces: root in a container often may not."""
    memory_controller: bool
    """Whether cgroups are there to be used."""
    other_kubelet: bool
    """A Kubernetes of this machine's own uses the same folders and cgroups."""
    taken: tuple[Route, ...]
    """Routes that overlap with the cluster's networks."""


def require() -> Machine:
    """What this machine is. Raises ToolError naming all that stands in the way; nothing was changed."""
    machine = look()
    found = problems(machine)
    if found:
        raise ToolError(
            "A Kubernetes node can't be started on this machine, and nothing was changed:\n"
            + "\n".join(f"  - {line}" for line in found),
            "use a cluster that is there instead: export KUBECONFIG=/path/to/kubeconfig (docs/cluster.md)",
        )
    return machine


def problems(machine: Machine) -> list[str]:
    """What stands in the way, each with what mends it. Pure."""
    found = []
    if (machine.system, machine.cpu) != ("Linux", "x86_64"):
        return [f"it is {machine.system} on {machine.cpu}, and the node's programs are for Linux on x86_64 (amd64)"]
    if not machine.root:
        found.append("root is needed, for namespaces, mounts and the network: sudo make cluster")
    elif not machine.namespaces:
        found.append("namespaces can't be made (in a container: run it with --privileged)")
    if machine.missing_packages and not machine.apt:
        found.append(f"programs are missing, and there is no apt-get: install {' '.join(machine.missing_packages)}")
    if not machine.memory_controller:
        found.append("cgroups with a memory controller are not mounted at /sys/fs/cgroup")
    if machine.other_kubelet:
        found.append("another Kubernetes runs on it (a process kubelet): stop that one first")
    return found + [
        f"its route to {route.network} by {route.interface} overlaps with the cluster's networks"
        for route in machine.taken
    ]


def look() -> Machine:
    """Look at this machine; changes nothing."""
    linux = platform.system() == "Linux"
    return Machine(
        system=platform.system(),
        cpu=platform.machine(),
        root=os.geteuid() == 0,
        missing_packages=missing_packages(),
        apt=shutil.which("apt-get") is not None,
        namespaces=linux and _may_make_namespaces(),
        memory_controller=_has_memory_controller(),
        other_kubelet=any(process.name() == "kubelet" for process in psutil.process_iter(["name"])),
        taken=tuple(network.taken(network.routes())) if linux and shutil.which("ip", path=programs.PATH) else (),
    )


def missing_packages() -> tuple[str, ...]:
    """Debian's names of what is missing."""
    missing = {package for program, package in PROGRAMS.items() if shutil.which(program, path=programs.PATH) is None}
    return tuple(sorted(missing))


def _may_make_namespaces() -> bool:
    unshare = shutil.which("unshare", path=programs.PATH)
    if unshare is None:
        return os.geteuid() == 0  # it comes with the packages
    command = [unshare, "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _has_memory_controller(mounted: Path = Path("/sys/fs/cgroup")) -> bool:
    unified = mounted / "cgroup.controllers"
    return (mounted / "memory").is_dir() or (unified.exists() and "memory" in unified.read_text().split())
