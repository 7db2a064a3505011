"""What the tests see of the cluster: its objects, and pods that do what an application does."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

from components.kubernetes.manifests import TRUST, TRUST_FOLDER, restricted, restricted_container
from tools.kubernetes import kubectl

POSTGRES_IMAGE = "localhost/postgresql:17"
SECONDS = 180


@dataclass(frozen=True, kw_only=True)
class PodResult:
    """What a pod that ended left."""

    ok: bool
    log: str


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

    def trust(self, namespace: str) -> str:
        """The certificates that an application in the namespace trusts."""
        return str(self.core.read_namespaced_config_map(TRUST, namespace).data["ca.crt"])

    def may(self, user: str, verb: str, resource: str, *, namespace: str, name: str) -> bool:
        """What the API server would answer."""
        attributes = client.V1ResourceAttributes(namespace=namespace, verb=verb, resource=resource, name=name)
        review = client.V1SubjectAccessReview(
            spec=client.V1SubjectAccessReviewSpec(user=user, resource_attributes=attributes)
        )
        answer = client.AuthorizationV1Api(self.api).create_subject_access_review(review)
        return bool(answer.status.allowed)

    @contextmanager
    def forwarded(self, namespace: str, service: str, port: int) -> Iterator[int]:
        """A port of this machine that leads to the Service, while the block runs."""
        command = [str(kubectl.find()), "--kubeconfig", str(self.kubeconfig), "-n", namespace, "port-forward"]
        process = subprocess.Popen(
            [*command, f"service/{service}", f":{port}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found, line + process.stdout.read()
            yield int(found.group(1))
        finally:
            process.terminate()
            process.wait()

    def service_address(self, namespace: str, name: str) -> str:
        """The Service's own address, which this machine reaches where the cluster is on it."""
        return str(self.core.read_namespaced_service(name, namespace).spec.cluster_ip)

    def http(self, namespace: str, service: str, path: str) -> Any:
        """What a Service answers, as JSON, through the API server."""
        # Not by the client's own method, which writes a query's question mark as part of the path.
        url = f"{self.api.configuration.host}/api/v1/namespaces/{namespace}/services/http:{service}:http/proxy{path}"
        answer = self.api.rest_client.pool_manager.request("GET", url, timeout=20.0)
        return json.loads(answer.data)

    def refused_pod(self, namespace: str, *, cpu: str) -> str:
        """Why the API server refuses a pod that asks for so much; empty where it takes it."""
        container = {
            "name": "greedy", "image": POSTGRES_IMAGE, "securityContext": restricted_container(),
            "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}},
        }  # fmt: skip
        pod = {"metadata": {"name": "greedy"}, "spec": {"securityContext": restricted(26), "containers": [container]}}
        try:
            self.core.create_namespaced_pod(namespace, pod, dry_run="All")
        except client.ApiException as error:
            return str(json.loads(error.body)["message"])
        return ""

    def policy(self, namespace: str, name: str) -> Any:
        """The spec of a NetworkPolicy."""
        return client.NetworkingV1Api(self.api).read_namespaced_network_policy(name, namespace).spec

    def mongo_round_trip(self, uri: str, port: int, trust: str) -> None:
        """Log in with the URI's login through a forwarded port, write a document and read it back."""
        import pymongo

        login, _, rest = uri.removeprefix("mongodb://").partition("@")
        place, _, options = rest.partition("?")
        kept = "&".join(one for one in options.split("&") if not one.startswith("tls"))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(trust)
            file.flush()
            # The certificate names the Service, not this machine's end of the forwarding.
            mongo: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
                f"mongodb://{login}@127.0.0.1:{port}/?{kept}",
                tls=True, tlsCAFile=file.name, tlsAllowInvalidHostnames=True, serverSelectionTimeoutMS=20_000,
            )  # fmt: skip
            with mongo:
                letters = mongo[place.partition("/")[2]]["letters"]
                letters.insert_one({"from": "Ada", "to": "Charles"})
                found = letters.find_one({"from": "Ada"})
                assert found is not None
                assert found["to"] == "Charles"

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
        name = f"test-{uuid.uuid4().hex[:8]}"
        volume = {"name": "trust", "configMap": {"name": TRUST}}
        container: dict[str, Any] = {
            "name": "main",
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "command": list(command),
            "envFrom": [{"secretRef": {"name": one}} for one in secrets],
            "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
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
        try:
            phase = self._ended(namespace, name)
            return PodResult(ok=phase == "Succeeded", log=self.core.read_namespaced_pod_log(name, namespace))
        finally:
            self.core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)

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
