"""Write small files so that no reader sees half of one, and secrets so that nobody else sees them at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from tools.embedded.account import Account


def write(path: Path, text: str, *, mode: int = 0o644, account: Account | None = None) -> bool:
    """Replace `path` by `text` in one step, with `mode` from its birth and owned by `account`; True if it changed."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        path.chmod(mode)
        return False
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.chmod(mode)
    if account is not None:
        account.own(partial)
    partial.replace(path)
    return True


def secret(path: Path) -> str:
    """The password in `path` (0600), made at first use: 32 characters that need no quoting in a URL or a shell."""
    if path.exists():
        kept = path.read_text(encoding="utf-8").strip()
        if kept:
            return kept
    made = secrets.token_urlsafe(24)
    write(path, made + "\n", mode=0o600)
    return made
