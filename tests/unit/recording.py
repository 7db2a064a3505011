"""Composes a program without an engine, and records what it registers: children, order, protection, secrecy.

Pulumi's own mocks keep only the state; what makes a component right or wrong is mostly in the options.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.stack import run_pulumi_func

SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"


@dataclass(frozen=True, kw_only=True)
class Registered:
    """One resource as the program registered it."""

    type: str
    name: str
    parent: str
    """Name of the parent; `stack-stack` is the stack itself."""
    provider: str
    dependencies: frozenset[str]
    """Names of the resources it depends on, by an input or an option."""
    protect: bool
    retain: bool
    deleted_with: str
    delete_before_replace: bool
    secrets: frozenset[str]
    """Inputs that are secret, and outputs declared so."""
    inputs: dict[str, Any]


@dataclass
class Recording:
    """Everything registered, in order, and what the stack exports."""

    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def one(self, ending: str, name: str) -> Registered:
        """The resource of a type that ends so, by its name."""
        found = [one for one in self.of_type(ending) if one.name == name]
        assert len(found) == 1, f"{ending} {name}: {len(found)} of {[one.name for one in self.of_type(ending)]}"
        return found[0]

    def of_type(self, ending: str) -> list[Registered]:
        return [one for one in self.resources if one.type.endswith(f":{ending}")]


class _Answers(mocks.Mocks):
    """Gives back the inputs, and the outputs that a provider would add."""

    def __init__(self, outputs: dict[str, dict[str, Any]]) -> None:
        self._outputs = outputs

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        added = {"hex": hashlib.sha256(args.name.encode()).hexdigest()} if args.typ.endswith(":RandomBytes") else {}
        return f"{args.name}-id", {**args.inputs, **added, **self._outputs.get(args.name, {})}

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        return {}


class _Monitor(mocks.MockMonitor):
    def __init__(self, answers: mocks.Mocks, recording: Recording) -> None:
        super().__init__(answers)
        self._recording = recording

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        inputs = _plain(rpc.deserialize_properties(request.object, keep_unknowns=True))
        marked = {
            key
            for key, value in request.object.fields.items()
            if value.HasField("struct_value") and SECRET_SIGNATURE in value.struct_value.fields
        }
        if request.custom or not request.type.startswith("pulumi:pulumi"):
            self._recording.resources.append(
                Registered(
                    type=request.type,
                    name=request.name,
                    parent=_name(request.parent),
                    provider=_name(request.provider.rpartition("::")[0]),
                    dependencies=frozenset(map(_name, request.dependencies)),
                    protect=request.protect,
                    retain=request.retainOnDelete,
                    deleted_with=_name(request.deletedWith),
                    delete_before_replace=request.deleteBeforeReplace,
                    secrets=frozenset(marked) | frozenset(request.additionalSecretOutputs),
                    inputs=inputs,
                )
            )
        return super().RegisterResource(request)


def _plain(value: Any) -> Any:
    """The value without the marks of secrets, which `Registered.secrets` keeps."""
    if isinstance(value, dict):
        return _plain(value["value"]) if SECRET_SIGNATURE in value else {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def record(
    program: Callable[[], object], *, stack: str = "local", outputs: dict[str, dict[str, Any]] | None = None
) -> Recording:
    """Run `program` as a stack's, and return what it registered. `outputs` are what providers add, by resource name."""
    recording = Recording()
    answers = _Answers(outputs or {})
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        pulumi.runtime.set_mocks(
            answers, project="socle", stack=stack, preview=False, monitor=_Monitor(answers, recording)
        )
        root = pulumi.runtime.get_root_resource()
        root.outputs.clear()
        loop.run_until_complete(run_pulumi_func(program))
        recording.outputs = dict(root.outputs)
    finally:
        _end(loop)
    return recording


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """End what a failed program left waiting, so that the next one does not wait for it."""
    waiting = asyncio.all_tasks(loop)
    for task in waiting:
        task.cancel()
    if waiting:
        loop.run_until_complete(asyncio.wait(waiting))
    pulumi.runtime.settings.SETTINGS.outputs.clear()
    loop.close()
