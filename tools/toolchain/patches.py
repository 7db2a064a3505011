"""What is changed in the copy of a module before it is built; its text is part of the part's fingerprint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

ModuleFolder = Callable[[str], Path]
"""Where a module that the part pins lies, by its name."""
Patch = Callable[[Path, ModuleFolder], None]
"""Changes the copy that lies in a folder."""


def ferretdb(copy: Path, _module: ModuleFolder) -> None:
    """FerretDB embeds a version file, which its release process writes and its module lacks."""
    (copy / "build" / "version" / "version.txt").write_text("v1.24.2\n")
