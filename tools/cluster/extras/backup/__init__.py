"""Real backups: CloudNativePG's plugin with barman-cloud, and an S3 store in the cluster.

For tests: one key, plain HTTP. The plugin's manifest is upstream's, but for the images and cert-manager, whose two
certificates are made here.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from pathlib import Path

from tools.cluster import pki, templates
from tools.cluster.images import recipes
from tools.cluster.images.archive import Config
from tools.cluster.images.contents import Contents, Folder, Program, Script
from tools.cluster.images.image import Image
from tools.cluster.images.layers import PythonPackages, RootFilesystem
from tools.cluster.kubectl import Kubectl
from tools.cluster.versions import BACKUP_MODULE, BACKUP_PLUGIN, EXTRA_PARTS, OBJECT_STORE
from tools.toolchain import go, sources

ENDPOINT = "http://s3.s3.svc:7070"
BUCKET = "backups"
_HERE = Path(__file__).resolve().parent
_PLUGIN = EXTRA_PARTS["barman-plugin"]
_COMMANDS = ("backup", "backup-delete", "backup-keep", "backup-list", "backup-show", "check-wal-archive", "restore",
             "wal-archive", "wal-restore")  # fmt: skip
_COMMAND = """#!/usr/bin/python3
import sys
from importlib.metadata import entry_points

[found] = entry_points(group="console_scripts", name=sys.argv[0].rpartition("/")[2])
sys.exit(found.load()())
"""
"""What pip would write, for whichever Python is in the image."""
_SYSTEM = RootFilesystem(
    name="barman",
    # psycopg2 has no wheel for Linux: Debian's takes its place.
    packages=("python3", "python3-psycopg2"),
    # The sidecar shares PostgreSQL's files, and so its user.
    before=(
        'echo postgres:x:26: >>"$1/etc/group"',
        'echo postgres:x:26:26::/var/lib/postgresql:/bin/sh >>"$1/etc/passwd"',
    ),
)

PLUGIN = Image(
    name="barman-plugin",
    version=BACKUP_PLUGIN,
    layers=(Contents(of=(Program(part=_PLUGIN, path="/manager"),)),),
    config=Config(entrypoint=("/manager",), user=recipes.USER),
)
SIDECAR = Image(
    name="barman-sidecar",
    version=BACKUP_PLUGIN,
    layers=(
        _SYSTEM,
        PythonPackages(
            name="barman-packages",
            root=_SYSTEM,
            path=recipes.PACKAGES,
            requirements=(_HERE / "requirements.txt").read_text,
        ),
        Contents(
            of=(
                Program(part=_PLUGIN, path="/manager"),
                *(Script(path=f"usr/local/bin/barman-cloud-{name}", text=_COMMAND) for name in _COMMANDS),
            )
        ),
    ),
    config=Config(
        entrypoint=("/manager",),
        environment=(f"PATH={recipes.PATH}", f"PYTHONPATH={recipes.PACKAGES}", "PYTHONDONTWRITEBYTECODE=1"),
        user="26:26",
    ),
    expected_seconds=180,
)
STORE = Image(
    name="versitygw",
    version=OBJECT_STORE,
    layers=(Contents(of=(Folder(path="tmp", mode=0o1777), Program(part=EXTRA_PARTS["versitygw"], path="/versitygw"))),),
    config=Config(entrypoint=("/versitygw",), user=recipes.USER),
)
IMAGES = (PLUGIN, SIDECAR, STORE)


def install(client: Kubectl) -> None:
    """Install the store with its bucket and the plugin, and wait until they run. Raises ToolError."""
    client.apply("{apiVersion: v1, kind: Namespace, metadata: {name: s3}}")
    _once(client, "s3", "root", "Opaque", {"ROOT_ACCESS_KEY": "root", "ROOT_SECRET_KEY": secrets.token_hex(20)})
    # A Job can't be changed, only made again.
    client.run("--namespace=s3", "delete", "job", "bucket", "--ignore-not-found")
    values = {"STORE": STORE.tag, "SIDECAR": SIDECAR.tag, "ENDPOINT": ENDPOINT, "BUCKET": BUCKET}
    client.apply(templates.fill((_HERE / "s3.yaml").read_text(encoding="utf-8"), values))
    # Each side trusts exactly the other's certificate; the server's name is its Service's, without a domain.
    for name, host in (("client", ""), ("server", "barman-cloud")):
        certificate, key = pki.self_signed(f"barman-cloud-{name}", host)
        content = {"tls.crt": certificate, "tls.key": key}
        _once(client, "cnpg-system", f"barman-cloud-{name}-tls", "kubernetes.io/tls", content)
    client.apply(_manifest(client))
    client.wait_for("s3", "s3")
    client.run("--namespace=s3", "wait", "--for=condition=Complete", "job/bucket", "--timeout=120s")
    client.wait_for("cnpg-system", "barman-cloud")


def _once(client: Kubectl, namespace: str, name: str, kind: str, content: dict[str, str]) -> None:
    """Make a Secret unless it is there: what was stored with its keys needs them again."""
    if client.succeeds(f"--namespace={namespace}", "get", "secret", name):
        return
    metadata = {"name": name, "namespace": namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": metadata, "stringData": content}
    client.apply(json.dumps(secret))


def _manifest(client: Kubectl) -> str:
    """Upstream's, through the kustomize in kubectl: with our images, and without what cert-manager would act on."""
    module = sources.module_folder(go.find(go.needed(_PLUGIN.folder)), _PLUGIN, BACKUP_MODULE)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("kubernetes", "config"):
            sources.copy_tree(module / name, Path(folder, name))
        upstream = Path(folder, "kubernetes", "kustomization.yaml").read_text(encoding="utf-8")
        [image] = [line.split()[1] for line in upstream.splitlines() if line.strip().startswith("newName:")]
        overlay = Path(folder, "overlay")
        overlay.mkdir()
        values = {
            "UPSTREAM": image,
            "NAME": PLUGIN.tag.rpartition(":")[0],
            "TAG": PLUGIN.version,
            "SIDECAR": SIDECAR.tag,
        }
        text = templates.fill((_HERE / "kustomization.yaml").read_text(encoding="utf-8"), values)
        Path(overlay, "kustomization.yaml").write_text(text, encoding="utf-8")
        return client.run("kustomize", str(overlay))
