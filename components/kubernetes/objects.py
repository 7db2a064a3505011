"""Objects of Kubernetes from manifests, by pulumi-kubernetes."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes

from components.kubernetes.manifests import Manifest, labels


def custom(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> kubernetes.apiextensions.CustomResource:
    """An object of a kind that an operator defines."""
    return kubernetes.apiextensions.CustomResource(
        name,
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        metadata=manifest["metadata"],
        spec=manifest["spec"],
        opts=opts,
    )


def namespace(name: str, given: Mapping[str, str], opts: pulumi.ResourceOptions) -> kubernetes.core.v1.Namespace:
    """A namespace with the labels `given`."""
    return kubernetes.core.v1.Namespace(
        f"namespace-{name}", metadata={"name": name, "labels": {**labels(), **given}}, opts=opts
    )


def secret(
    name: str,
    *,
    namespace: pulumi.Input[str],
    secret_name: str,
    data: pulumi.Input[Mapping[str, pulumi.Input[str]]],
    opts: pulumi.ResourceOptions,
    given: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    kind: str = "Opaque",
) -> kubernetes.core.v1.Secret:
    """A Secret; its data are secret from birth on."""
    return kubernetes.core.v1.Secret(
        name,
        metadata={
            "name": secret_name,
            "namespace": namespace,
            "labels": {**labels(), **(given or {})},
            **({"annotations": dict(annotations)} if annotations else {}),
        },
        type=kind,
        string_data=pulumi.Output.secret(data),
        opts=opts,
    )
