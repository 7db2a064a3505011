"""The node: a set of Linux namespaces (mounts, network, processes, names, IPC) around one process, pid 1 of them.

Nothing that it does to mounts, iptables, sysctls or /run reaches this machine, and ending that one process ends all of
it. Only cgroups are shared.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tools.cluster import layout, network, pki, programs, templates
from tools.embedded import files, processes
from tools.errors import ToolError

FIXED = ("/var/lib/kubelet", "/var/lib/cni", "/var/log/pods", "/var/log/containers")
"""Paths that the kubelet, containerd and the CNI plugins insist on. In the node each is a folder below the state; this
machine only has them empty, to mount over."""
_FOLDERS = ("log", "etcd", "containerd", "volumes", "conf/cni")
_END_SECONDS = 15.0


def is_running() -> bool:
    """Whether the node runs, wholly started."""
    return processes.is_running(_pid_file()) and _joined().exists()


def start(pause_image: str) -> None:
    """Start the node's processes; they come up by themselves. What a start that was killed left is ended first.

    Raises ToolError when the namespaces can't be made.
    """
    end()
    state = layout.state()
    for folder in (*_FOLDERS, *(f"node{fixed}" for fixed in FIXED)):
        (state / folder).mkdir(parents=True, exist_ok=True)
    pki.make(state / "pki")
    files.write(layout.kubeconfig(), (state / "pki" / "admin.kubeconfig").read_text(), mode=0o600)
    _configure(state, pause_image)
    _make_fixed()
    # A copy: bash reads its script while it runs it, and a checkout's file may change under a running node.
    script = state / "node-init.sh"
    files.write(script, (templates.HERE / "node" / "init.sh").read_text(), mode=0o755)
    namespaces = ("--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc")
    processes.start_detached(
        ["unshare", *namespaces, "--propagation", "private", "bash", str(script)],
        pid_file=_pid_file(),
        log_file=state / "log" / "node.log",
        env=_environment(state),
    )
    _join(_first_process())


def enter(*command: str) -> Sequence[str]:
    """`command` as one that runs inside the node. Raises ToolError when it doesn't run."""
    return ["nsenter", f"--target={_first_process()}", "--mount", "--net", "--pid", "--uts", "--ipc", "--", *command]


def end() -> bool:
    """End all that `start` began, and what it left in this machine's network and cgroups; True if it ran.

    Without a record of a start nothing is touched: the interface could be another cache's cluster.
    """
    if not _pid_file().exists():
        return False
    outer = processes.find(_pid_file())
    if outer is not None:
        # The node's pid 1 is the only child; the kernel ends everything in its namespace with it.
        with contextlib.suppress(psutil.NoSuchProcess):
            ended = [*outer.children(), outer]
            for process in ended:
                process.kill()
            if psutil.wait_procs(ended, timeout=_END_SECONDS)[1]:
                raise ToolError(f"The node's process {outer.pid} does not end.", f"look at it: ps -fp {outer.pid}")
    # Its routes go with it; the pair is gone already where the kernel has taken the network namespace down.
    subprocess.run(
        ["ip", "link", "del", network.INTERFACE], capture_output=True, check=False, env=programs.environment()
    )
    _remove_cgroups()
    _joined().unlink(missing_ok=True)
    _pid_file().unlink(missing_ok=True)
    return outer is not None


def remove() -> None:
    """Remove the ended node's files. Raises ToolError while something is mounted below them."""
    state = layout.state()
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    mounted = [each for each in mounts if Path(each).is_relative_to(state)]
    if mounted:
        raise ToolError(f"Not removed: something is still mounted at {mounted[0]}.", f"umount {mounted[0]}")
    made = _made_fixed().read_text().split() if _made_fixed().exists() else []
    if state.exists():
        shutil.rmtree(state)
    for path in made:
        with contextlib.suppress(OSError):  # something else keeps files there by now
            Path(path).rmdir()


def log_folder() -> Path:
    """One file a component."""
    return layout.state() / "log"


def _pid_file() -> Path:
    return layout.state() / "node.pid"


def _joined() -> Path:
    """Made when the node is joined to this machine's network; its pid 1 waits for it."""
    return layout.state() / "net-ready"


def _made_fixed() -> Path:
    return layout.state() / "made-on-this-machine"


def _environment(state: Path) -> dict[str, str]:
    return {
        "PATH": programs.PATH,
        "HOME": str(Path.home()),
        "BIN": str(layout.binaries()),
        "STATE": str(state),
        "NODE": network.NODE,
        "NODE_ADDRESS": network.NODE_ADDRESS,
        "LINK_BITS": network.LINK.partition("/")[2],
        "SERVICES": network.SERVICES,
        "FIXED": " ".join(FIXED),
    }


def _configure(state: Path, pause_image: str) -> None:
    values = {
        "STATE": str(state),
        "PAUSE": pause_image,
        "NODE": network.NODE,
        "NODE_ADDRESS": network.NODE_ADDRESS,
        "PODS": network.PODS,
        "DNS_SERVICE": network.DNS_SERVICE,
    }
    for name in ("containerd.toml", "kubelet.yaml", "proxy.yaml", "cni/10-pods.conflist"):
        files.write(state / "conf" / name, templates.filled(f"node/{name}", values))


def _make_fixed() -> None:
    missing = [path for path in FIXED if not Path(path).exists()]
    known = _made_fixed().read_text().split() if _made_fixed().exists() else []
    files.write(_made_fixed(), "\n".join(sorted({*known, *missing})))
    for path in missing:
        Path(path).mkdir(parents=True)


def _first_process() -> int:
    """The node's pid 1, as this machine numbers it."""
    for _ in range(50):
        outer = processes.find(_pid_file())
        children = outer.children() if outer else []
        if children:
            return int(children[0].pid)
        time.sleep(0.1)
    raise ToolError("The node does not run.", f"make cluster; its log is {log_folder() / 'node.log'}")


def _join(first: int) -> None:
    """Join the node's network to this machine's by a pair of interfaces, and route pods and services through it."""
    host = network.INTERFACE
    bits = network.LINK.partition("/")[2]
    for command in (
        ["link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", str(first)],
        ["addr", "add", f"{network.HOST_ADDRESS}/{bits}", "dev", host],
        ["link", "set", host, "up"],
        ["route", "replace", network.PODS, "via", network.NODE_ADDRESS],
        ["route", "replace", network.SERVICES, "via", network.NODE_ADDRESS],
    ):
        done = subprocess.run(["ip", *command], capture_output=True, text=True, check=False, env=programs.environment())
        if done.returncode:
            end()
            raise ToolError(f"The node's network could not be made: ip {' '.join(command)}: {done.stderr.strip()}")
    _joined().touch()


def _remove_cgroups() -> None:
    """The kubelet's, empty by now: one tree, or one for each controller in the older layout (cgroup v1)."""
    mounted = Path("/sys/fs/cgroup")
    for tree in (*mounted.glob("kubepods"), *mounted.glob("*/kubepods")):
        for folder, _, _ in os.walk(tree, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
