"""Runs the cluster's own kubectl with a kubeconfig that is named, never the one of the user's shell."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.cluster import layout, network
from tools.errors import ToolError


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """kubectl for one cluster."""

    kubeconfig: Path
    program: Path

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Its stdout. Raises ToolError with what it said."""
        done = self._run(arguments, stdin)
        if done.returncode:
            raise ToolError(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def succeeds(self, *arguments: str, stdin: str = "") -> bool:
        """Whether it ends well, for waiting."""
        return self._run(arguments, stdin).returncode == 0

    def apply(self, manifest: str) -> None:
        """Apply a manifest on the server's side, which keeps no copy of it in an annotation (some are too large)."""
        self.run("apply", "--server-side", "--force-conflicts", "--filename", "-", stdin=manifest)

    def wait_for(self, namespace: str, *deployments: str) -> None:
        """Wait until the deployments run as they were last applied. Raises ToolError after five minutes."""
        for deployment in deployments:
            self.run("--namespace", namespace, "rollout", "status", f"deployment/{deployment}", "--timeout=300s")

    def _run(self, arguments: tuple[str, ...], stdin: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.program), f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=environment())


def environment() -> dict[str, str]:
    """The environment for a client of the cluster: a proxy of this machine's network can't reach the node."""
    excepted = ",".join(filter(None, [os.environ.get("NO_PROXY", ""), network.NODE_ADDRESS]))
    return {**os.environ, "NO_PROXY": excepted, "no_proxy": excepted}


def of_the_cluster() -> Kubectl:
    """kubectl as the running cluster's administrator."""
    return Kubectl(kubeconfig=layout.kubeconfig(), program=layout.binaries() / "kubectl")
