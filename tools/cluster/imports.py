"""Brings archives of images into the running node, each once."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools.cluster import layout, node, programs
from tools.errors import ToolError


def import_all() -> list[str]:
    """Import every archive that the node doesn't have yet; the names of those imported. Raises ToolError.

    A tag that is there already then means the new image: pods that start from now on have it.
    """
    return [archive.stem for archive in sorted(layout.images().glob("*.tar")) if _import(archive)]


def _import(archive: Path) -> bool:
    found = archive.stat()
    stamp = layout.state() / "imported" / archive.name
    identity = f"{found.st_mtime_ns} {found.st_size}"
    if stamp.exists() and stamp.read_text() == identity:
        return False
    command = node.enter("ctr", "--namespace=k8s.io", "images", "import", str(archive))
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=programs.environment())
    if done.returncode:
        raise ToolError(f"The image {archive} could not be imported: {done.stderr.strip() or done.stdout.strip()}")
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(identity)
    return True
