"""Brings the cluster up: build what is missing, start the node, wait until it works. What runs is left as it is."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from tools import machine
from tools.cluster import guard, imports, kubectl, layout, network, node, operators, packages, preconditions
from tools.cluster.extras.table import Extra
from tools.cluster.images import recipes
from tools.cluster.images.image import Image, ensure
from tools.cluster.versions import NODE_PARTS
from tools.errors import ToolError
from tools.toolchain import build
from tools.toolchain.locks import held
from tools.toolchain.progress import Progress, say

_MEMORY_GIB = 3.0
_PROBE = """
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: probe, namespace: default}
spec: {instances: 1, storage: {size: 1Gi}}
"""


def up(extras: Sequence[Extra] = ()) -> None:
    """Build, start, and wait until CloudNativePG and the extras answer.

    Raises ToolError, before anything is changed where it can.
    """
    found = None if node.is_running() else preconditions.require()
    if found and found.missing_packages:
        packages.install(found.missing_packages)
    for part in NODE_PARTS:
        build.build_part(part)
    _have(recipes.ALL)
    # Not while something is built: that can take minutes, in which others may want the cluster.
    with _alone():
        _start()
    for extra in extras:
        _have(extra.images)
        with _alone(), _step(extra.title, 60):
            imports.import_all()
            extra.install(kubectl.of_the_cluster())


def down(*, keep: bool) -> bool:
    """End the node; unless `keep`, remove what it made as well. True if there was anything."""
    with _alone():
        there = node.end() or layout.state().exists()
        if not keep:
            node.remove()
    return there


def _have(images: Sequence[Image]) -> None:
    for image in images:
        ensure(image)


def _alone() -> AbstractContextManager[None]:
    return held(layout.lock(), "working on the cluster", say)


def _start() -> None:
    client = kubectl.of_the_cluster()
    if not node.is_running():
        machine.warn_memory(_MEMORY_GIB, "the cluster")
        with _step("starting the node", 30):
            node.start(recipes.PAUSE.tag)
            _wait(120, lambda: client.succeeds("get", "--raw", "/readyz"), "the API server")
    with _step("importing images", 60):
        imports.import_all()
    with _step("node, DNS and volumes", 60):
        _wait(120, lambda: client.succeeds("get", "node", network.NODE), "the node's registration")
        for manifest in operators.base_manifests():
            client.apply(manifest)
        client.run("label", "--overwrite", "namespace", "kube-system", f"{guard.LABEL}=true")
        client.run("wait", "--for=condition=Ready", f"node/{network.NODE}", "--timeout=180s")
        client.wait_for("kube-system", "coredns", "localpath")
        # With a kept state those conditions can still be the old ones: ask at the service's address.
        _wait(60, _dns_answers, "DNS")
    with _step("CloudNativePG", 60):
        client.apply(operators.cnpg_manifest())
        client.wait_for("cnpg-system", "cnpg-controller-manager")
        # The webhook answers only once the services' addresses lead to it: a dry run proves it.
        _wait(60, lambda: client.succeeds("create", "--dry-run=server", "-f", "-", stdin=_PROBE), "its webhook")


@contextmanager
def _step(title: str, expected_seconds: float) -> Iterator[None]:
    with Progress(title, expected_seconds).shown():
        yield


def _dns_answers() -> bool:
    try:
        with socket.create_connection((network.DNS_SERVICE, 53), timeout=2):
            return True
    except OSError:
        return False


def _wait(seconds: float, probe: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + seconds
    while not probe():
        if not node.is_running():
            raise ToolError("The node ended while it was starting.", f"its logs are in {node.log_folder()}")
        if time.monotonic() > end:
            raise ToolError(f"{what[0].upper()}{what[1:]} did not come within {seconds:g} s.", f"{node.log_folder()}")
        time.sleep(0.3)
