"""What the tests see of the cluster: its objects, and pods that do what an application does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

from components.kubernetes.manifests import restricted, restricted_container
from components.secrets.application import TRUST, TRUST_FOLDER

POSTGRES_IMAGE = "localhost/postgresql:17"
SECONDS = 180


@dataclass(frozen=True, kw_only=True)
class PodResult:
    """What a pod that ended left."""

    ok: bool
    log: str


@dataclass(frozen=True, kw_only=True)
class Running:
    """A pod that runs until it is no longer needed."""

    core: client.CoreV1Api
    namespace: str
    name: str

    def log(self) -> str:
        """All that it said so far."""
        return str(self.core.read_namespaced_pod_log(self.name, self.namespace))


class Cluster:
    """The cluster behind a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        settings = client.Configuration()
        config.load_kube_config(config_file=str(kubeconfig), client_configuration=settings)
        self.api = client.ApiClient(settings)
        self.core = client.CoreV1Api(self.api)
        self.custom = client.CustomObjectsApi(self.api)

    @property
    def identity(self) -> str:
        return str(self.core.read_namespace("kube-system").metadata.uid)

    def postgres(self, name: str = "postgresql-shared", namespace: str = "databases") -> dict[str, Any]:
        found: dict[str, Any] = self.custom.get_namespaced_custom_object(
            "postgresql.cnpg.io", "v1", namespace, "clusters", name
        )
        return found

    def namespaces(self) -> set[str]:
        return {one.metadata.name for one in self.core.list_namespace().items}

    def secret(self, namespace: str, name: str) -> dict[str, str]:
        import base64

        data = self.core.read_namespaced_secret(name, namespace).data
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def sql(self, statement: str, database: str = "postgres", namespace: str = "databases") -> str:
        """What the superuser gets for a statement, in the primary's own pod; unaligned, without a header."""
        from kubernetes.stream import stream

        primary = self.postgres(namespace=namespace)["status"]["currentPrimary"]
        command = ["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement]
        return str(
            stream(
                client.CoreV1Api(self._own_client()).connect_get_namespaced_pod_exec,
                primary, namespace, container="postgres", command=command,
                stderr=True, stdin=False, stdout=True, tty=False,
            )
        ).strip()  # fmt: skip

    def _own_client(self) -> client.ApiClient:
        # `stream` changes the client that it is given.
        settings = client.Configuration()
        config.load_kube_config(config_file=str(self.kubeconfig), client_configuration=settings)
        return client.ApiClient(settings)

    def run(
        self,
        namespace: str,
        command: Sequence[str],
        *,
        secrets: Sequence[str] = (),
        image: str = POSTGRES_IMAGE,
        env: Mapping[str, str] | None = None,
        trust: bool = True,
    ) -> PodResult:
        """Run a pod to its end as an application's would run: its Secrets as variables, the authority mounted."""
        name = self._create(namespace, command, secrets, image, env or {}, trust=trust)
        try:
            phase = self._ended(namespace, name)
            return PodResult(ok=phase == "Succeeded", log=self.core.read_namespaced_pod_log(name, namespace))
        finally:
            self.core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)

    @contextmanager
    def start(self, namespace: str, command: Sequence[str], *, secrets: Sequence[str] = ()) -> Iterator[Running]:
        """Run such a pod as long as it is looked at."""
        name = self._create(namespace, command, secrets, POSTGRES_IMAGE, {}, trust=True)
        try:
            until(
                lambda: self.core.read_namespaced_pod_status(name, namespace).status.phase == "Running",
                f"pod {namespace}/{name} runs",
            )
            yield Running(core=self.core, namespace=namespace, name=name)
        finally:
            self.core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)

    def _create(
        self,
        namespace: str,
        command: Sequence[str],
        secrets: Sequence[str],
        image: str,
        env: Mapping[str, str],
        *,
        trust: bool,
    ) -> str:
        name = f"test-{uuid.uuid4().hex[:8]}"
        volume = {"name": "trust", "configMap": {"name": TRUST}}
        container: dict[str, Any] = {
            "name": "main",
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "command": list(command),
            "envFrom": [{"secretRef": {"name": one}} for one in secrets],
            "env": [{"name": key, "value": value} for key, value in env.items()],
            "securityContext": restricted_container(),
            "volumeMounts": [{"name": "trust", "mountPath": TRUST_FOLDER}] if trust else [],
        }
        pod = {
            "metadata": {"name": name, "labels": {"socle.dev/test": "true"}},
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "securityContext": restricted(26),
                "containers": [container],
                "volumes": [volume] if trust else [],
            },
        }
        self.core.create_namespaced_pod(namespace, pod)
        return name

    def _ended(self, namespace: str, name: str) -> str:
        def phase() -> str:
            status = self.core.read_namespaced_pod_status(name, namespace).status
            waiting = [one.state.waiting for one in status.container_statuses or [] if one.state.waiting]
            assert not any(one.reason in ("ErrImagePull", "ImagePullBackOff") for one in waiting), waiting
            return status.phase if status.phase in ("Succeeded", "Failed") else ""

        return until(phase, f"pod {namespace}/{name} ends")


def until(look: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """The first true answer of `look`. Fails after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")
