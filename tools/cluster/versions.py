"""The one place that says which versions of what the cluster is built from.

A Go program's version is also in its module's go.mod, with everything below it; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tools.cluster import patches
from tools.toolchain.versions import STRIP, Part

MODULES = Path(__file__).resolve().parent / "modules"

KUBERNETES = "1.34.1"
ETCD = "3.6.4"
COREDNS = "1.12.4"
PROVISIONER = "13.0.0"
"""sig-storage-lib-external-provisioner, which the volumes' provisioner stands on."""
CNPG = "1.28.0"
CNPG_MODULE = "github.com/cloudnative-pg/cloudnative-pg"
DEBIAN = "trixie"
"""What the images' root filesystems are made from."""
BACKUP_PLUGIN = "0.15.0"
"""plugin-barman-cloud."""
BARMAN = "3.19.1"
OBJECT_STORE = "1.8.0"
"""versitygw, an S3 gateway over a folder."""
EXTERNAL_SECRETS = "0.20.4"
POSTGRES_MAJOR = 17
"""Debian trixie's."""
PYTHON = "3.13"
"""Debian trixie's."""
VALKEY_MAJOR = 8
"""Debian trixie's: PyPI's, which runs on a laptop, has no TLS."""
REDIS_EXPORTER = "1.69.0"
"""Debian trixie's. As a Go module it is served in no version that was asked for."""

_COMPONENT = "k8s.io/component-base/version"
_KUBERNETES_LDFLAGS = (
    f"{STRIP} -X {_COMPONENT}.gitVersion=v{KUBERNETES} -X {_COMPONENT}.gitMajor=1 "
    f"-X {_COMPONENT}.gitMinor={KUBERNETES.split('.')[1]} -X {_COMPONENT}.gitTreeState=clean"
)
"""Without it each program says v0.0.0-master, and clients refuse to compare."""


def _kubernetes(name: str, cold_minutes: float, packages: int) -> Part:
    return Part(
        name=name,
        purpose=name,
        version=KUBERNETES,
        module="kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        output=name,
        directory="bin",
        place="cluster",
        modules=MODULES,
        ldflags=_KUBERNETES_LDFLAGS,
        cold_minutes=cold_minutes,
        packages=packages,
    )


def _in_pods(name: str, purpose: str, version: str, module: str, package: str, minutes: float, packages: int,
             ldflags: str = STRIP) -> Part:  # fmt: skip
    return Part(
        name=name,
        purpose=purpose,
        version=version,
        module=module,
        package=package,
        output=name,
        directory="bin",
        place="cluster",
        modules=MODULES,
        ldflags=ldflags,
        static=True,
        cold_minutes=minutes,
        packages=packages,
    )


_CNPG_VERSION = f"{CNPG_MODULE}/pkg/versions"

NODE_PARTS: tuple[Part, ...] = (
    _kubernetes("kube-apiserver", 6, 1950),
    _kubernetes("kube-controller-manager", 2, 2330),
    _kubernetes("kube-scheduler", 1, 1390),
    _kubernetes("kube-proxy", 1, 1400),
    _kubernetes("kubelet", 1, 1730),
    _kubernetes("kubectl", 1, 890),
    Part(
        name="etcd",
        purpose="etcd",
        version=ETCD,
        module="kubernetes",
        package="go.etcd.io/etcd/server/v3",
        output="etcd",
        directory="bin",
        place="cluster",
        modules=MODULES,
        cold_minutes=1,
        packages=570,
    ),
)
"""What runs on the node itself; the longest first, since the others share most of what it compiles."""

POD_PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        _in_pods(
            "cnpg-manager",
            "CloudNativePG's operator",
            CNPG,
            "cnpg",
            f"{CNPG_MODULE}/cmd/manager",
            3,
            1100,
            f"{STRIP} -X {_CNPG_VERSION}.buildVersion={CNPG} -X {_CNPG_VERSION}.buildCommit=module-v{CNPG} "
            f"-X {_CNPG_VERSION}.buildDate=module",
        ),
        _in_pods("coredns", "CoreDNS", COREDNS, "addons", "./coredns", 2, 780),
        _in_pods("localpath", "the volumes' provisioner", PROVISIONER, "addons", "./localpath", 1, 760),
        _in_pods("pause", "the program that holds a pod", "1", "addons", "./pause", 0.1, 60),
    )
}
"""What runs in pods, each alone in its image."""

BACKUP_MODULE = "github.com/cloudnative-pg/plugin-barman-cloud"
EXTERNAL_SECRETS_MODULE = "github.com/external-secrets/external-secrets"

EXTRA_PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        replace(
            _in_pods("barman-plugin", "the backup plugin", BACKUP_PLUGIN, "barman-plugin", "./cmd/manager", 6, 1100),
            source_module=BACKUP_MODULE,
            patch=patches.barman_plugin,
        ),
        _in_pods(
            "versitygw",
            "the object store",
            OBJECT_STORE,
            "versitygw",
            "github.com/versity/versitygw/cmd/versitygw",
            2,
            600,
        ),
        replace(
            _in_pods("external-secrets", "External Secrets", EXTERNAL_SECRETS, "external-secrets", ".", 8, 1700),
            source_module=EXTERNAL_SECRETS_MODULE,
            patch=patches.external_secrets,
        ),
    )
}
"""What runs in pods where an extra is asked for."""
