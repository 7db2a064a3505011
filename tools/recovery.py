"""After a run that was killed: dead locks are removed, and what it had begun to make is found and kept.

The engine writes down that it begins to make a resource, makes it, and writes the result. Killed in between, it can't
know whether the resource is there. Grants and Socle's own resources can simply be made again; a role or a database
can't, and none is ever dropped on suspicion: one that is there is taken into the state, and the refresh that follows
compares it with what it should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import psycopg
from rich.console import Console

from stacks.settings import EnvironmentSettings
from tools import backend, kept, rotations
from tools.engine import Engine
from tools.passwords import plain

console = Console(stderr=True, highlight=False)

_NAMED = {
    "postgresql:index/role:Role": "SELECT 1 FROM pg_roles WHERE rolname = %s",
    "postgresql:index/database:Database": "SELECT 1 FROM pg_database WHERE datname = %s",
}


class Lookup(Protocol):
    """Asks the server behind a provider."""

    def __call__(self, provider: str, query: str, name: str) -> bool:
        """Whether `query` finds `name` on the server of the resource whose provider reference is `provider`."""


def pending(exported: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations that an interrupted run left open."""
    return list(exported.get("deployment", {}).get("pending_operations") or [])


def adopt(exported: dict[str, Any], exists: Lookup) -> list[str]:
    """Settle the open operations of an exported state, in place; return the names of what was taken into it."""
    deployment = exported["deployment"]
    adopted: list[str] = []
    for operation in pending(exported):
        resource = operation["resource"]
        query = _NAMED.get(resource["type"])
        name = resource.get("inputs", {}).get("name")
        begun = operation["type"] == "creating" and query is not None and isinstance(name, str)
        if begun and exists(resource["provider"], query, name):
            deployment["resources"].append({**resource, "id": name, "outputs": resource["inputs"]})
            adopted.append(name)
    deployment["pending_operations"] = None
    return adopted


def settle(engine: Engine, project: str, stack: str, settings: EnvironmentSettings | None = None) -> bool:
    """Mend what an interrupted run of `stack` left, and put back what is known of applications that come again.

    True where a refresh has to follow. Raises ToolError.
    """
    if removed := backend.remove_dead_locks(project, stack):
        console.print(f"[yellow]![/] An earlier run on {stack} was killed: {removed} dead lock(s) removed.")
    exported = engine.deployment(stack)
    interrupted = bool(pending(exported))
    if interrupted:
        adopted = adopt(exported, _lookup(engine.deployment(stack, secrets=True)))
        what = f"; {', '.join(adopted)} had been made and is kept" if adopted else ""
        console.print(f"[yellow]![/] An earlier run on {stack} was interrupted{what}.")
    back: list[str] = []
    if settings is not None:
        kept.require_safe(exported, settings)
        rotations.require_safe(exported, settings)
        back = _applications(exported, stack, tuple(settings.apps))
    if interrupted or back:
        engine.replace_deployment(stack, exported)
    return interrupted or bool(back)


def _applications(exported: dict[str, Any], stack: str, wanted: Sequence[str]) -> list[str]:
    """Tell which applications go, keep what is known of them, and put back those that come again."""
    for name, database in kept.applications(exported).items():
        if name not in wanted:
            kept.put_aside(exported, stack, name)
            console.print(
                f"[yellow]![/] {name} was removed from the settings. Its database {database} is kept, with its roles: "
                f"add the block again to have it back, or write deletionPolicy: delete before removing it.",
                soft_wrap=True,
            )
    back = kept.put_back(exported, stack, wanted)
    for name in back:
        console.print(f"{name} is back: its database had been kept.")
    return back


def _lookup(exported: dict[str, Any]) -> Lookup:
    providers = {resource["urn"]: resource for resource in exported["deployment"].get("resources") or []}

    def exists(provider: str, query: str, name: str) -> bool:
        # A reference is the provider's URN and its id.
        inputs = providers[provider.rpartition("::")[0]]["inputs"]
        with psycopg.connect(
            host=inputs["host"],
            port=int(inputs["port"]),
            user=inputs["username"],
            password=plain(inputs["password"]),
            dbname=inputs.get("database", "postgres"),
            sslmode=inputs.get("sslmode", "prefer"),
            sslrootcert=inputs.get("sslrootcert"),
        ) as connection:
            return connection.execute(query, (name,)).fetchone() is not None

    return exists
