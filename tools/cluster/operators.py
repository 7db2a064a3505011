"""What runs in the cluster from its start: DNS, volumes, CloudNativePG's operator."""

from __future__ import annotations

import json
from pathlib import Path

from tools.cluster import layout, network, templates
from tools.cluster.images import recipes
from tools.cluster.versions import CNPG, CNPG_MODULE, POD_PARTS
from tools.toolchain import compiler, go


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
    kept = layout.root() / "manifests" / f"cnpg-{CNPG}.yaml"
    if not kept.exists():
        text = (_cnpg_source() / "releases" / f"cnpg-{CNPG}.yaml").read_text(encoding="utf-8")
        text = text.replace(f"ghcr.io/cloudnative-pg/cloudnative-pg:{CNPG}", recipes.OPERATOR.tag)
        text = text.replace("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent")
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(".unfinished")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(kept)
    return kept.read_text(encoding="utf-8")


def _cnpg_source() -> Path:
    folder = POD_PARTS["cnpg-manager"].folder
    arguments = ["mod", "download", "-json", CNPG_MODULE]
    return Path(json.loads(compiler.run(go.find(go.needed(folder)), arguments, folder, "CloudNativePG"))["Dir"])
