"""What a request of the engine says, in the terms of `resource.py`; and what an error may say back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.struct_pb2 import Struct

from tools.plugins.resource import Change, Naming, NamingMode, State
from tools.plugins.stubs import errors_pb2, provider_pb2, status_pb2
from tools.plugins.values import Properties, contains_unknown, from_struct, plain, secret_texts

_GRPC_UNKNOWN = 2
_STRUCTS = ("properties", "inputs", "olds", "news", "old_inputs", "args")
"""The fields of requests that carry properties."""


def resource_type(urn: str) -> str:
    """The type token in `urn:pulumi:stack::project::parent$type::name`."""
    return urn.split("::")[2].rsplit("$", 1)[-1] if urn.count("::") >= 3 else urn


def resource_name(urn: str) -> str:
    """The name in the program; it may hold `::` itself."""
    return urn.split("::", 3)[-1]


def naming(request: Any) -> Naming:
    """What a Check request says about automatic names."""
    name = resource_name(request.urn)
    if not request.HasField("autonaming"):
        return Naming(resource=name, seed=request.randomSeed)
    modes = (NamingMode.PROPOSE, NamingMode.ENFORCE, NamingMode.DISABLE)
    mode = modes[request.autonaming.mode]
    return Naming(resource=name, seed=request.randomSeed, mode=mode, proposed=request.autonaming.proposed_name)


def prior(request: Any, outputs: Struct, inputs: Struct | None = None) -> State:
    """The resource as the engine's state has it, in plain values."""
    old_inputs = inputs if inputs is not None else request.old_inputs
    return State(id=request.id, inputs=plain(from_struct(old_inputs)), outputs=plain(from_struct(outputs)))


def heeding(ignored: Iterable[str], before: State, news: Properties) -> Properties:
    """`news` with the top-level properties of `ignore_changes` left as they are. The engine leaves alone what the
    program says; what the server says is left alone here."""
    kept = dict(news)
    for name in before.outputs if "*" in ignored else ignored:
        if name in before.outputs and not name.startswith("__"):
            kept[name] = before.outputs[name]
    return kept


def changed(olds: Properties, news: Properties) -> dict[str, Change]:
    """The properties that differ, compared by value; what the engine keeps for itself is left out."""
    changes: dict[str, Change] = {}
    for name in sorted(olds.keys() | news.keys()):
        if name.startswith("__") or name in {"version", "pluginDownloadURL"}:
            continue
        if name not in olds:
            changes[name] = Change.ADD
        elif name not in news:
            changes[name] = Change.DELETE
        elif olds[name] != news[name] or contains_unknown(news[name]):
            changes[name] = Change.UPDATE
    return changes


def inputs_of(request: Any) -> Properties:
    """The new inputs that a request carries, secrets still marked."""
    carried = {field.name for field, _ in request.ListFields()}
    return from_struct(request.news if "news" in carried else getattr(request, "properties", Struct()))


def secrets_of(request: Any) -> frozenset[str]:
    """Every secret text anywhere in a request."""
    found: frozenset[str] = frozenset()
    for field, value in request.ListFields():
        if field.name in _STRUCTS:
            found |= secret_texts(from_struct(value))
    return found


def redacted(message: str, secrets: Iterable[str]) -> str:
    """`message` on one line, with every one of `secrets` cut out, the longest first: one may hold another."""
    for text in sorted(filter(None, secrets), key=len, reverse=True):
        message = message.replace(text, "[secret]")
    return " ".join(message.split())


def partial_state(message: str, made: str, properties: Struct) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata by which the engine learns of a resource that exists but is not in order."""
    detail = errors_pb2.ErrorCause(message=message)
    failed = provider_pb2.ErrorResourceInitFailed(id=made, properties=properties, reasons=[message])
    status = status_pb2.Status(code=_GRPC_UNKNOWN, message=message)
    for part in (detail, failed):
        status.details.add().Pack(part)
    return (("grpc-status-details-bin", status.SerializeToString()),)
