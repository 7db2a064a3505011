"""What many manifests have in common. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]

MANAGED_BY = "app.kubernetes.io/managed-by"
APPLICATION = "app.kubernetes.io/name"
PART_OF = "app.kubernetes.io/part-of"

TRUST = "socle-ca"
"""The ConfigMap, in each application's namespace, with the certificate of the environment's authority."""
TRUST_FOLDER = "/etc/socle/trust"
TRUST_FILE = f"{TRUST_FOLDER}/ca.crt"
"""Where a workload mounts it, and what `{database.ca}` stands for."""
SKIP_AWAIT = "pulumi.com/skipAwait"
"""Annotation for pulumi-kubernetes: the object counts as made once it is accepted."""
CHECKSUM = "socle.dev/checksum"
"""Annotation of a pod: what it was started with. A change rolls it."""


def digest(value: object) -> str:
    """A short checksum of JSON's types, whatever the order of a mapping. Of 128 random bits it tells nothing."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def labels(application: str = "", *, part_of: str = "") -> dict[str, str]:
    """The recommended labels: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/."""
    given = {APPLICATION: application, PART_OF: part_of}
    return {MANAGED_BY: "socle", **{key: value for key, value in given.items() if value}}


def secret_variable(name: str, secret: str, key: str) -> Manifest:
    """An environment variable out of a Secret of the pod's own namespace."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def variables(values: Mapping[str, str]) -> list[Manifest]:
    """Environment variables as they are: Kubernetes would replace `$(NAME)` in them."""
    return [{"name": name, "value": value.replace("$(", "$$(")} for name, value in values.items()]


def restricted(user: int) -> Manifest:
    """A pod's security context within the restricted Pod Security Standard, as the given uid.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted.
    """
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def restricted_container() -> Manifest:
    """A container's security context within the same standard, with a root filesystem that can't be written."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
