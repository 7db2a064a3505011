"""Property values between the engine's wire form (a protobuf Struct) and plain Python.

Wire form: Pulumi's developer docs, "Property values"; the signatures are in sdk/go/common/resource/sig/sig.go and the
sentinels of unknown values in sdk/go/common/resource/plugin/rpc.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.struct_pb2 import ListValue, Struct, Value

Properties = dict[str, Any]
"""A resource's inputs or outputs by property name; values are JSON's types, `UNKNOWN` or, on the way out, `Secret`."""

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  a marker, no secret
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS: Final = frozenset(
    {
        _UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_EXACT_INTEGERS: Final = 2**53
"""Beyond it a double can't tell integers apart."""


class Unknown:
    """A value that only the update itself will tell; there is one, `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts in the state and hides from the terminal."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(...)"


def from_struct(struct: Struct) -> Properties:
    """The properties of a wire message, secrets wrapped in `Secret` where they stand."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def to_struct(properties: Mapping[str, Any]) -> Struct:
    """The wire message of `properties`; raises TypeError on a value that has no wire form."""
    return Struct(fields={key: _to_value(value) for key, value in properties.items()})


def _from_value(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _from_object(from_struct(value.struct_value))
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    if kind == "number_value":
        return _number(value.number_value)
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
    return value.bool_value if kind == "bool_value" else None


def _from_object(fields: Properties) -> Any:
    signature = fields.get(SIGNATURE)
    if signature == _SECRET:
        return Secret(fields.get("value"))
    if signature == _OUTPUT:
        known = fields.get("value", UNKNOWN)
        return Secret(known) if fields.get("secret") else known
    return fields


def _number(value: float) -> int | float:
    """Struct has doubles only: an integer arrives as 10.0 and would go into SQL and into messages as such."""
    return int(value) if value.is_integer() and abs(value) <= _EXACT_INTEGERS else value


def _to_value(value: Any) -> Value:
    if isinstance(value, Secret):
        return Value(struct_value=to_struct({SIGNATURE: _SECRET, "value": value.value}))
    if value is UNKNOWN:
        return Value(string_value=_UNKNOWN_STRING)
    if value is None:
        return Value(null_value=0)
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, int | float):
        return Value(number_value=value)
    if isinstance(value, str):
        return Value(string_value=value)
    if isinstance(value, Mapping):
        return Value(struct_value=to_struct(value))
    if isinstance(value, list | tuple):
        return Value(list_value=ListValue(values=[_to_value(item) for item in value]))
    raise TypeError(f"a {type(value).__name__} can't be sent to the engine")


def plain(value: Any) -> Any:
    """`value` with every `Secret` in it replaced by what it holds."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def secret_names(properties: Mapping[str, Any]) -> frozenset[str]:
    """The top-level properties that are secret or hold a secret anywhere in them."""
    return frozenset(name for name, value in properties.items() if any(True for _ in _secrets(value)))


def secret_texts(properties: Mapping[str, Any]) -> frozenset[str]:
    """Every string inside a secret of `properties`: what no message may show."""
    return frozenset(
        text for value in properties.values() for secret in _secrets(value) for text in _texts(secret.value)
    )


def wrapped(properties: Mapping[str, Any], names: Iterable[str]) -> Properties:
    """`properties` with those of `names` that are present marked secret."""
    marked = frozenset(names)
    return {
        name: Secret(value) if name in marked and not isinstance(value, Secret) else value
        for name, value in properties.items()
    }


def contains_unknown(value: Any) -> bool:
    """Whether `value` is unknown, or holds something unknown."""
    if isinstance(value, Secret):
        return contains_unknown(value.value)
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return value is UNKNOWN


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, list):
        for item in value:
            yield from _secrets(item)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Secret):
        yield from _texts(value.value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
