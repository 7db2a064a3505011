"""What an application may do on a shared Redis or Valkey: its own keys and channels, and nothing else. Pure."""

from __future__ import annotations

import hashlib

COMMANDS = ("+@all", "-@admin", "-@dangerous", "-scan", "-randomkey", "-dbsize", "+info")
"""Key patterns don't restrain commands that walk the whole keyspace (KEYS, SCAN, FLUSHALL …), so those are denied:
https://valkey.io/topics/acl/. INFO counts as dangerous, but clients ask for it when they connect."""


def rules(prefix: str, password: str) -> tuple[str, ...]:
    """The words of `ACL SETUSER` after the user's name: whatever was set before is forgotten."""
    return ("reset", "on", f"#{password_hash(password)}", f"~{prefix}*", f"&{prefix}*", *COMMANDS)


def password_hash(password: str) -> str:
    """What the server keeps of a password."""
    return hashlib.sha256(password.encode()).hexdigest()
