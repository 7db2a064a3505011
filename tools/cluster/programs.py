"""How the machine's own programs are found: `ip`, `unshare` and the like."""

from __future__ import annotations

import os

PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
"""With the folders of an administrator's programs, which a user's shell may leave out."""


def environment() -> dict[str, str]:
    """The environment to run them in."""
    return {**os.environ, "PATH": PATH}
