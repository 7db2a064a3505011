"""Passwords that only a stack's encrypted state holds, for the user who has its passphrase."""

from __future__ import annotations

import json
import re
from typing import Any

from components.secrets.generated import derive
from tools.engine import Engine
from tools.errors import ToolError


def role_password(engine: Engine, stack: str, role: str) -> str:
    """The password of a role or branch that `stack` made. Raises ToolError where it made none of that name."""
    for resource in engine.deployment(stack, secrets=True)["deployment"].get("resources") or []:
        inputs = resource.get("inputs") or {}
        if role in (inputs.get("name"), inputs.get("branch")) and "password" in inputs:
            return plain(inputs["password"])
    raise ToolError(f"{stack} has no role {role}", "make up" if not stack.startswith("pr-") else "make pr PR=…")


def masking_salt(engine: Engine, stack: str, application: str) -> str:
    """The secret of an application's masks, derived like its passwords. Raises ToolError where it has none yet."""
    for resource in engine.deployment(stack, secrets=True)["deployment"].get("resources") or []:
        if resource["type"] == "random:index/randomBytes:RandomBytes" and resource["urn"].endswith(f"::{application}"):
            return derive(plain(resource["outputs"]["hex"]), "masking-salt")
    raise ToolError(f"{stack} has no application {application} yet", "make up")


def generated(exported: dict[str, Any]) -> set[str]:
    """Every password in a state exported with its secrets, and what they are derived from.

    What must be found in no other file and in no log. Not every secret of a state is one: templates are secret as well.
    """
    return {text for text in _secrets(exported) if re.fullmatch(r"[0-9a-f]{48,}", text)}


def plain(value: Any) -> str:
    """A secret of an export that shows secrets: its JSON text."""
    return str(json.loads(value["plaintext"])) if isinstance(value, dict) else str(value)


def _secrets(node: Any) -> set[str]:
    if isinstance(node, dict):
        if "plaintext" in node:
            return _texts(json.loads(node["plaintext"]))
        return {text for value in node.values() for text in _secrets(value)}
    return {text for value in node for text in _secrets(value)} if isinstance(node, list) else set()


def _texts(node: Any) -> set[str]:
    if isinstance(node, dict):
        return {text for value in node.values() for text in _texts(value)}
    if isinstance(node, list):
        return {text for value in node for text in _texts(value)}
    return {node} if isinstance(node, str) else set()
