"""An image: its layers and how it runs; built when one of them changed."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from tools.artifact import Artifact
from tools.cluster import layout
from tools.cluster.images import archive
from tools.cluster.images.archive import Config
from tools.cluster.images.contents import Contents, Program
from tools.cluster.images.layers import Layer
from tools.toolchain import build
from tools.toolchain.locks import held
from tools.toolchain.progress import Progress, say
from tools.toolchain.versions import Part


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image, known to the cluster by its tag: nothing pulls it, so pull policies are IfNotPresent or Never."""

    name: str
    version: str
    layers: tuple[Layer, ...]
    config: Config
    expected_seconds: float = 5
    """To make it when its programs are there, for the estimate alone."""

    @property
    def tag(self) -> str:
        """The name that manifests use."""
        return f"localhost/{self.name}:{self.version}"

    @property
    def artifact(self) -> Artifact:
        """The archive."""
        file = f"{self.name}-{self.version}.tar"
        return Artifact(path=layout.images() / file, fingerprint=self.fingerprint())

    @property
    def parts(self) -> tuple[Part, ...]:
        """The programs in it that are built from modules."""
        contents = (content for layer in self.layers if isinstance(layer, Contents) for content in layer.of)
        return tuple(content.part for content in contents if isinstance(content, Program))

    def fingerprint(self) -> str:
        """A digest of all that decides the image."""
        decisive = (self.tag, repr(self.config), *(layer.fingerprint() for layer in self.layers))
        return hashlib.sha256("\0".join(decisive).encode()).hexdigest()


def ensure(image: Image) -> None:
    """Build the image, and the programs in it, unless it is there. Raises ToolError."""
    artifact = image.artifact
    if artifact.is_current():
        return
    for part in image.parts:
        build.build_part(part)
    with held(layout.root() / "images.lock", f"building {image.tag}", say):
        if not artifact.is_current():
            _build(image, artifact)


def _build(image: Image, artifact: Artifact) -> None:
    # One folder, since one image is built at a time: what a killed run left goes.
    scratch = layout.root() / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    with Progress(f"image {image.tag}", image.expected_seconds).shown():
        layers = [layer.tar(_folder(scratch / str(number))) for number, layer in enumerate(image.layers)]
        artifact.make(lambda target: archive.write(target, [image.tag], layers, image.config))
    shutil.rmtree(scratch)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path
