"""Where kubectl is."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools import paths
from tools.errors import ToolError


def find() -> Path:
    """The one on PATH, else that of `make cluster`. Raises ToolError."""
    own = paths.cache() / "cluster" / "bin" / "kubectl"
    found = shutil.which("kubectl") or (str(own) if own.exists() else None)
    if not found:
        raise ToolError("kubectl is not on PATH", "https://kubernetes.io/docs/tasks/tools/, or make cluster")
    return Path(found)
