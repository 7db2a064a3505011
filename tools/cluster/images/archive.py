"""Writes an image as an archive that `ctr images import` takes (docker's format), from layers that are there."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_EPOCH = "1970-01-01T00:00:00Z"
"""Times are fixed, so that the same input gives the same image."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """How a container of the image runs."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    """`NAME=value` each."""
    user: str = ""
    """`uid` or `uid:gid`; Kubernetes can tell only from a number that it isn't root."""
    folder: str = "/"


def write(target: Path, tags: Sequence[str], layers: Sequence[Path], config: Config) -> None:
    """Write the archive of an image named `tags`, made of `layers` (tar files, the lowest first)."""
    digests = [_digest(layer) for layer in layers]
    document = _document(digests, config)
    name = f"{hashlib.sha256(document).hexdigest()}.json"
    paths = [f"{digest}/layer.tar" for digest in digests]
    manifest = [{"Config": name, "RepoTags": list(tags), "Layers": paths}]
    with tarfile.open(target, "w") as archive:
        _add(archive, name, document)
        for layer, path in zip(layers, paths, strict=True):
            archive.add(layer, arcname=path, filter=_anonymous)
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _document(digests: Sequence[str], config: Config) -> bytes:
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": _EPOCH,
            "config": {
                "Entrypoint": list(config.entrypoint) or None,
                "Cmd": list(config.command) or None,
                "Env": list(config.environment),
                "User": config.user,
                "WorkingDir": config.folder,
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
            "history": [{"created": _EPOCH, "created_by": "socle"} for _ in digests],
        },
        sort_keys=True,
    ).encode()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
    return member
