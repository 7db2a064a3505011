"""Monitoring's objects in the cluster."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as kubernetes

from components.kubernetes import objects
from components.monitoring import manifests
from components.monitoring.args import Manifest, MonitoringArgs

RELOAD = {"cnpg.io/reload": "true"}
"""Has the operator read the queries again when they change."""


class CustomQueries(pulumi.ComponentResource):
    """The exporter's own queries, which have to be there before the server that names them."""

    ready: pulumi.Resource

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("socle:monitoring:CustomQueries", name, None, opts)
        manifest = manifests.custom_queries(args)
        self.ready = _config_map(name, manifest, RELOAD, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


class Monitoring(pulumi.ComponentResource):
    """What Prometheus scrapes, its rules, and the dashboards."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("socle:monitoring:Monitoring", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        queries = manifests.custom_queries(args)
        for manifest in manifests.manifests(args):
            if manifest == queries:
                continue
            title = f"{name}-{manifest['kind'].lower()}-{manifest['metadata']['name']}"
            if manifest["kind"] == "ConfigMap":
                _config_map(title, manifest, {}, mine)
            else:
                objects.custom(title, manifest, mine)
        self.register_outputs({})


def _config_map(name: str, manifest: Manifest, labels: dict[str, str], opts: pulumi.ResourceOptions) -> pulumi.Resource:
    metadata = manifest["metadata"]
    made: pulumi.Resource = kubernetes.core.v1.ConfigMap(
        name,
        metadata={**metadata, "labels": {**metadata.get("labels", {}), **labels}},
        data=manifest["data"],
        opts=opts,
    )
    return made
