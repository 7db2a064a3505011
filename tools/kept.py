"""Applications that were removed from the settings while their databases stay: what the state knew of them is kept.

Pulumi forgets a resource that it leaves in place. Without its record the application could not come back under its
name, since the engine would try to make a database that is there. So the record is put aside when an application goes,
encrypted as it was in the state, and put back when it comes again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stacks.settings import EnvironmentSettings
from tools import paths
from tools.errors import ToolError

_DATABASE = "postgresql:index/database:Database"
_COMPONENT = "socle:postgres:AppDatabase"
_PLANNED = "socle:postgres:PlannedDatabase"
_SECRET = "random:index/randomBytes:RandomBytes"  # noqa: S105 - a resource type


def applications(exported: dict[str, Any]) -> dict[str, str]:
    """The applications that the exported state knows, each with its database; only those that stay when removed."""
    found: dict[str, str] = {}
    for resource in _resources(exported):
        parent = resource.get("parent", "").split("::")
        if resource["type"] == _DATABASE and resource.get("retainOnDelete"):
            found[parent[-1]] = str(resource["inputs"]["name"])
        if resource["type"] == _PLANNED and resource.get("retainOnDelete"):
            found[resource["urn"].split("::")[-1]] = str(resource["inputs"]["name"])
    return found


def require_safe(exported: dict[str, Any], settings: EnvironmentSettings) -> None:
    """Raise ToolError where `management: plan` would take over a database that the state says to drop.

    What is retained is forgotten by the engine and taken over; anything else it drops at the end of the same run,
    whatever the settings say of it by then.
    """
    if getattr(settings.server, "management", "") != "plan":
        return
    dropped = sorted(
        resource["parent"].split("::")[-1]
        for resource in _resources(exported)
        if resource["type"] == _DATABASE and not resource.get("retainOnDelete")
    )
    wanted = {*settings.apps, *(f"{name}-test" for name, app in settings.apps.items() if app.test)}
    at_risk = [name for name in dropped if name in wanted]
    if at_risk:
        raise ToolError(
            f"socle:server.management: plan can't take over {', '.join(at_risk)}: the state says to drop it",
            "write management: resources and deletionPolicy: retain, run `make up`, and only then management: plan; "
            "a test database can only be removed first and added again",
        )


def put_aside(exported: dict[str, Any], stack: str, application: str) -> None:
    """Keep the record of an application that is about to go."""
    file = paths.private_dir(_file(stack, application).parent) / f"{application}.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(_of(exported, application)), encoding="utf-8")


def put_back(exported: dict[str, Any], stack: str, wanted: Iterable[str]) -> list[str]:
    """Put the records of `wanted` applications that come again into the exported state; return their names."""
    known = {resource["urn"] for resource in _resources(exported)}
    providers = {urn: f"{urn}::{resource['id']}" for resource in _resources(exported)
                 if (urn := resource["urn"]) and resource["type"].startswith("pulumi:providers:")}  # fmt: skip
    back: list[str] = []
    for application in wanted:
        file = _file(stack, application)
        if not file.exists():
            continue
        kept = json.loads(file.read_text(encoding="utf-8"))
        if not any(resource["urn"] in known for resource in kept):
            exported["deployment"]["resources"] += [_on_current(resource, providers) for resource in kept]
            back.append(application)
        file.unlink()
    return back


def _on_current(resource: dict[str, Any], providers: dict[str, str]) -> dict[str, Any]:
    """The record with a reference to the provider as it is now: one made anew has another id."""
    urn = resource.get("provider", "").rpartition("::")[0]
    return {**resource, "provider": providers[urn]} if urn in providers else resource


def _of(exported: dict[str, Any], application: str) -> list[dict[str, Any]]:
    """The component, what hangs on it, and the secret that its passwords are derived from."""
    return [
        resource
        for resource in _resources(exported)
        if (resource["type"] in (_COMPONENT, _PLANNED, _SECRET) and resource["urn"].endswith(f"::{application}"))
        or resource.get("parent", "").endswith(f"{_COMPONENT}::{application}")
    ]


def _resources(exported: dict[str, Any]) -> list[dict[str, Any]]:
    return list(exported.get("deployment", {}).get("resources") or [])


def _file(stack: str, application: str) -> Path:
    return paths.home() / "kept" / stack / f"{application}.json"
