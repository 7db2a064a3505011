"""`socle:secrets:EnvFile`: a file of environment variables below the folder of generated files."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from tools import paths
from tools.plugins.resource import State
from tools.plugins.socle.plain import Plain
from tools.plugins.values import Properties


class EnvFile(Plain):
    """Inputs: `path`, relative to the folder of generated files, and `content`, a secret. The id is the path."""

    replacing = frozenset({"path"})
    secrets = frozenset({"content"})

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Write the file."""
        if preview:
            return "", dict(inputs)
        _write(_file(inputs["path"]), inputs["content"])
        return inputs["path"], dict(inputs)

    def read(self, prior: State) -> State | None:
        """The file as it is now; None where it is gone, or readable by others than its owner."""
        file = _file(prior.id)
        if not file.exists() or file.stat().st_mode & 0o077:
            return None
        found = {"path": prior.id, "content": file.read_text(encoding="utf-8")}
        return State(id=prior.id, inputs=found, outputs=found)

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        """Replace the content."""
        if not preview:
            _write(_file(prior.id), news["content"])
        return dict(news)

    def delete(self, prior: State) -> None:
        """Remove the file, and its folder with the last file in it."""
        file = _file(prior.id)
        with _FOLDERS:
            file.unlink(missing_ok=True)
            if file.parent.exists() and not any(file.parent.iterdir()):
                file.parent.rmdir()


_FOLDERS = threading.Lock()
"""Held while a stack's folder may come or go: the engine asks for several of its files at once."""


def _file(path: str) -> Path:
    return paths.home() / path


def _write(file: Path, content: str) -> None:
    with _FOLDERS:
        paths.private_dir(file.parent)
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
