"""The External Secrets operator: its controller with a few providers. No webhooks: they would want certificates."""

from __future__ import annotations

from pathlib import Path

from tools.cluster import templates
from tools.cluster.images import recipes
from tools.cluster.images.archive import Config
from tools.cluster.images.contents import Contents, Program
from tools.cluster.images.image import Image
from tools.cluster.kubectl import Kubectl
from tools.cluster.versions import EXTERNAL_SECRETS, EXTERNAL_SECRETS_MODULE, EXTRA_PARTS
from tools.toolchain import go, sources

_HERE = Path(__file__).resolve().parent
_PART = EXTRA_PARTS["external-secrets"]

CONTROLLER = Image(
    name="external-secrets",
    version=EXTERNAL_SECRETS,
    layers=(Contents(of=(Program(part=_PART, path="/external-secrets"),)),),
    config=Config(entrypoint=("/external-secrets",), user=recipes.USER),
)
IMAGES = (CONTROLLER,)


def install(client: Kubectl) -> None:
    """Install upstream's resource definitions and the controller, and wait until it runs. Raises ToolError."""
    module = sources.module_folder(go.find(go.needed(_PART.folder)), _PART, EXTERNAL_SECRETS_MODULE)
    definitions = sorted((module / "config" / "crds" / "bases").glob("*external-secrets.io_*.yaml"))
    client.apply("\n---\n".join(file.read_text(encoding="utf-8") for file in definitions))
    client.run("wait", "--for=condition=Established", "--timeout=60s", "crd/externalsecrets.external-secrets.io")
    client.apply(templates.fill((_HERE / "controller.yaml").read_text(encoding="utf-8"), {"IMAGE": CONTROLLER.tag}))
    client.wait_for("external-secrets", "external-secrets")
