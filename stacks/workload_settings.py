"""Typed settings of an application that runs in a Kubernetes cluster."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stacks.base import Milliseconds, Model, Port
from stacks.kubernetes_settings import Resources

Path = Annotated[str, Field(pattern=r"^/\S*$")]


class Migrations(Model):
    """What brings the database to what the image expects, before the image's pods start."""

    command: tuple[str, ...] = Field(default=("alembic", "upgrade", "head"), min_length=1)
    timeout: Milliseconds = Field(default=600_000, examples=["10min"])


class Autoscaling(Model):
    """As many pods as their processors ask for, from `replicas` on."""

    max: int = Field(ge=2, le=100, examples=[5])
    cpu: int = Field(default=80, ge=10, le=100)
    """Percent of what is asked for."""


class Workload(Model):
    """The application itself."""

    image: str = Field(pattern=r"^[^\s:@]+(:\d+/[^\s:@]+)?$", examples=["ghcr.io/owner/city-api"])
    """Without its tag."""
    tag: str = Field(pattern=r"^(sha256:[0-9a-f]{64}|[\w][\w.-]{0,127})$", examples=["v1.4.2"])
    """Or a digest. An earlier one is a rollback."""
    port: Port = 8080
    health: Path = "/health"
    replicas: int = Field(default=1, ge=1, le=50)
    command: tuple[str, ...] = ()
    user: int = Field(default=65532, ge=1)
    writable: tuple[Path, ...] = ("/tmp",)  # noqa: S108 - a folder of the container's own
    host: str = ""
    ingress_class: str = ""
    tls_secret: str = ""
    migrations: Migrations | None = Migrations()
    autoscaling: Autoscaling | None = None
    resources: Resources = Resources()

    @property
    def reference(self) -> str:
        """The image as Kubernetes takes it."""
        return image_reference(self.image, self.tag)


def image_reference(image: str, tag: str) -> str:
    """`image` with its tag or digest."""
    return f"{image}@{tag}" if tag.startswith("sha256:") else f"{image}:{tag}"
