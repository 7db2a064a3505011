"""An S3 store of a test's own, in a namespace of its own: it can be stopped, and what it holds can be damaged.

Plain HTTP, one key, a volume as long as the pod's namespace: for tests only.
"""

from __future__ import annotations

import secrets
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from kubernetes import client

from components.kubernetes.manifests import restricted, restricted_container
from tests.kubernetes.support import Cluster, until

PORT = 7070
BUCKET = "backups"
_UID = 65532


class S3:
    """One versitygw."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.access_key, self.secret_key = "root", secrets.token_hex(20)
        self._apps = client.AppsV1Api(cluster.api)
        self._make()
        self.start()
        until(self._bucket, "the bucket is there")

    @property
    def endpoint(self) -> str:
        """As pods reach it."""
        return f"http://s3.{self.namespace}.svc:{PORT}"

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of `socle:server.backup` that say where it is."""
        return {
            "destination": f"s3://{BUCKET}/dev",
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "credentials": {"accessKey": self.access_key, "secretKey": self.secret_key},
        }

    @property
    def client(self) -> Any:
        """boto3's, by the Service's address, which this machine reaches as well."""
        address = self.cluster.core.read_namespaced_service("s3", self.namespace).spec.cluster_ip
        return boto3.client(
            "s3", endpoint_url=f"http://{address}:{PORT}", region_name="us-east-1",
            aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key,
            config=Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=30),
        )  # fmt: skip

    def keys(self, prefix: str) -> list[str]:
        """What it holds below `dev/`."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"dev/{prefix}")
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def start(self) -> None:
        self._scale(1)

    def stop(self) -> None:
        self._scale(0)

    def _scale(self, replicas: int) -> None:
        self._apps.patch_namespaced_deployment_scale("s3", self.namespace, {"spec": {"replicas": replicas}})

        def settled() -> bool:
            pods = self.cluster.core.list_namespaced_pod(self.namespace, label_selector="app=s3").items
            ready = [one.status.container_statuses and one.status.container_statuses[0].ready for one in pods]
            return len(pods) == replicas and all(ready)

        until(settled, f"the store has {replicas} pods")

    def _bucket(self) -> bool:
        try:
            if BUCKET not in {one["Name"] for one in self.client.list_buckets()["Buckets"]}:
                self.client.create_bucket(Bucket=BUCKET)
        except BotoCoreError:  # the Service has no way yet
            return False
        return True

    def _make(self) -> None:
        core, name = self.cluster.core, {"name": "s3"}
        core.create_namespaced_secret(
            self.namespace,
            {"metadata": name, "stringData": {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}},
        )
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
        core.create_namespaced_persistent_volume_claim(self.namespace, {"metadata": name, "spec": claim})
        core.create_namespaced_service(
            self.namespace, {"metadata": name, "spec": {"selector": {"app": "s3"}, "ports": [{"port": PORT}]}}
        )
        container = {
            "name": "s3",
            "image": _image(self.cluster),
            "imagePullPolicy": "IfNotPresent",
            "args": ["--port", f":{PORT}", "--health", "/healthz", "posix", "/data"],
            "envFrom": [{"secretRef": name}],
            "ports": [{"containerPort": PORT}],
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": PORT}, "periodSeconds": 1},
            "securityContext": restricted_container(),
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }
        pod = {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": restricted(_UID),
            "containers": [container],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "s3"}}],
        }
        self._apps.create_namespaced_deployment(
            self.namespace,
            {
                "metadata": name,
                "spec": {
                    "replicas": 0,
                    "strategy": {"type": "Recreate"},
                    "selector": {"matchLabels": {"app": "s3"}},
                    "template": {"metadata": {"labels": {"app": "s3"}}, "spec": pod},
                },
            },
        )


def _image(cluster: Cluster) -> str:
    (node,) = cluster.core.list_node().items
    names = [name for image in node.status.images for name in image.names or []]
    found = [name for name in names if name.startswith("localhost/versitygw:")]
    assert found, "the cluster has no S3 server: make cluster WITH=backup"
    return str(found[0])
