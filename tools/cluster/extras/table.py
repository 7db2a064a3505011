"""The table of extras: what `make cluster WITH=…` can be given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.cluster import patches
from tools.cluster.extras import backup, external_secrets
from tools.cluster.images.image import Image
from tools.cluster.kubectl import Kubectl
from tools.errors import ToolError


@dataclass(frozen=True, kw_only=True)
class Extra:
    """Something that is installed into the running cluster when it is asked for; twice does no harm."""

    title: str
    use: str
    """What there is then, for whoever asked."""
    images: tuple[Image, ...]
    install: Callable[[Kubectl], None]
    """Install it and wait until it runs. Raises ToolError."""


EXTRAS: dict[str, Extra] = {
    "backup": Extra(
        title="backups",
        use=f"plugin barman-cloud.cloudnative-pg.io; bucket {backup.BUCKET} at {backup.ENDPOINT}, key in s3/root",
        images=backup.IMAGES,
        install=backup.install,
    ),
    "external-secrets": Extra(
        title="External Secrets",
        use=f"providers {', '.join(patches.PROVIDERS)}",
        images=external_secrets.IMAGES,
        install=external_secrets.install,
    ),
}


def chosen(words: str) -> list[Extra]:
    """The extras that `words`, separated by commas, name. Raises ToolError for one that there isn't."""
    names = [word.strip() for word in words.split(",") if word.strip()]
    for name in names:
        if name not in EXTRAS:
            raise ToolError(f"There is no extra “{name}”", f"make cluster WITH={','.join(EXTRAS)}")
    return [EXTRAS[name] for name in names]
