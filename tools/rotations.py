"""What the state knows of rotated passwords, against settings that would take a working login from an application."""

from __future__ import annotations

from typing import Any

from stacks.secret_checks import rotation_of
from stacks.settings import EnvironmentSettings
from tools.errors import ToolError

_ROTATION = "socle:secrets:Rotation"
_TASK = "socle:kubernetes:Task"


def require_safe(exported: dict[str, Any], settings: EnvironmentSettings) -> None:
    """Raise ToolError for a date that was taken away, and for a new one while the one before isn't carried out."""
    resources = exported["deployment"].get("resources") or []
    tried = {
        _name(one): ((one.get("inputs") or {}).get("triggers") or {}).get("rotation")
        for one in resources
        if one["type"] == _TASK
    }
    for resource in resources:
        application = _name(resource).removesuffix("-rotation")
        if resource["type"] != _ROTATION or application not in settings.apps:
            continue
        last = resource["inputs"]["date"]
        date = rotation_of(settings, settings.apps[application])
        if date is None:
            raise ToolError(
                f"socle:apps.{application}.rotation is gone, and no date is at socle:secrets: the first login would "
                "get its original password back, and who uses it now would be refused",
                f'write rotation: "{last}" back, which rotates nothing',
            )
        number = str(int(resource["outputs"]["number"]))
        if date != last and tried.get(f"{application}-privileges") != number:
            raise ToolError(
                f"socle:apps.{application}.rotation: {date} would change the password that {application} still uses, "
                f"since the rotation of {last} didn't come to its end",
                f'write rotation: "{last}", run `make up`, and only then {date}',
            )


def _name(resource: dict[str, Any]) -> str:
    return str(resource["urn"]).rpartition("::")[2]
