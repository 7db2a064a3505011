"""What runs in the cluster from its start: DNS, volumes, CloudNativePG's operator."""

from __future__ import annotations

from tools.cluster import layout, network, templates
from tools.cluster.images import recipes
from tools.cluster.versions import CNPG, CNPG_MODULE, POD_PARTS
from tools.toolchain import go, sources


def base_manifests() -> list[str]:
    """DNS and the volumes' provisioner."""
    values = {
        "DNS_SERVICE": network.DNS_SERVICE,
        "COREDNS": recipes.DNS.tag,
        "LOCALPATH": recipes.VOLUMES.tag,
        "VOLUMES": str(layout.state() / "volumes"),
    }
    return [templates.filled(f"manifests/{name}.yaml", values) for name in ("coredns", "localpath")]


def cnpg_manifest() -> str:
    """Upstream's release manifest, from its module; only image and pull policy differ. Raises ToolError."""
    part = POD_PARTS["cnpg-manager"]
    folder = sources.module_folder(go.find(go.needed(part.folder)), part, CNPG_MODULE)
    text = (folder / "releases" / f"cnpg-{CNPG}.yaml").read_text(encoding="utf-8")
    text = text.replace(f"ghcr.io/cloudnative-pg/cloudnative-pg:{CNPG}", recipes.OPERATOR.tag)
    return text.replace("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent")
