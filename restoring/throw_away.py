"""The drill's cluster: made, waited for, removed whatever happens; and the ConfigMap with the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

GROUP, VERSION, PLURAL = "postgresql.cnpg.io", "v1", "clusters"
LABEL = "socle.dev/drill"
"""On what the drill may delete; nothing without it is touched."""
HEALTHY = "Cluster in healthy state"
_LOOK_SECONDS = 2


class ClusterFailedError(Exception):
    """The throw-away cluster didn't come: what the operator says of it."""


class ThrowAway:
    """One throw-away cluster by its manifest."""

    def __init__(self, manifest: Mapping[str, Any], say: Callable[[str], None]) -> None:
        from kubernetes import client, config

        config.load_incluster_config()
        self._manifest, self._say = manifest, say
        self._name, self._namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
        self._custom, self._core = client.CustomObjectsApi(), client.CoreV1Api()

    def make(self, timeout_seconds: int) -> None:
        """Make it and wait until it is healthy. Raises ClusterFailedError."""
        self.remove(timeout_seconds)
        self._custom.create_namespaced_custom_object(GROUP, VERSION, self._namespace, PLURAL, dict(self._manifest))
        end, said = time.monotonic() + timeout_seconds, ""
        while time.monotonic() < end:
            status = (self._read() or {}).get("status") or {}
            phase = f"{status.get('phase', 'not seen by the operator yet')}. {status.get('phaseReason', '')}".strip()
            if phase != said:
                self._say(f"{self._name}: {phase}")
                said = phase
            # Ready alone may come before the restart that takes the plugin's sidecar away.
            if status.get("phase") == HEALTHY and status.get("readyInstances") == 1:
                return
            time.sleep(_LOOK_SECONDS)
        raise ClusterFailedError(f"{self._name} was not healthy after {timeout_seconds} s: {said}")

    def remove(self, timeout_seconds: int) -> None:
        """Remove it with its volumes, and see it gone. Raises ClusterFailedError for one that isn't a drill's."""
        from kubernetes.client import ApiException

        end = time.monotonic() + timeout_seconds
        while found := self._read():
            if LABEL not in (found["metadata"].get("labels") or {}):
                raise ClusterFailedError(f"there is a cluster {self._name} that is no drill's: it is left alone")
            if time.monotonic() > end:
                raise ClusterFailedError(f"{self._name} does not go")
            try:
                self._custom.delete_namespaced_custom_object(
                    GROUP, VERSION, self._namespace, PLURAL, self._name, propagation_policy="Foreground"
                )
            except ApiException as error:
                if error.status != 404:
                    raise
            time.sleep(_LOOK_SECONDS)

    def report(self, name: str, result: Mapping[str, str]) -> None:
        """Write the result into the ConfigMap, which is made where it isn't there."""
        from kubernetes.client import ApiException

        body = {
            "metadata": {"name": name, "labels": dict(self._manifest["metadata"]["labels"])},
            "data": dict(result),
        }
        try:
            self._core.patch_namespaced_config_map(name, self._namespace, body)
        except ApiException as error:
            if error.status != 404:
                raise
            self._core.create_namespaced_config_map(self._namespace, body)

    def _read(self) -> dict[str, Any] | None:
        from kubernetes.client import ApiException

        try:
            found: dict[str, Any] = self._custom.get_namespaced_custom_object(
                GROUP, VERSION, self._namespace, PLURAL, self._name
            )
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return found
