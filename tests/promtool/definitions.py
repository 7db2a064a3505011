"""The prometheus-operator's own definitions of its kinds, and what in a manifest they don't allow.

The API server drops a field that it doesn't know without a word, so here an unknown field is a fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tools.toolchain import compiler, go
from tools.toolchain.versions import MODULES

MODULE = "github.com/prometheus-operator/prometheus-operator"
_FOLDER = MODULES / "prometheus-operator"
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


@cache
def schema(plural: str) -> Mapping[str, Any]:
    """What `spec.versions[].schema` of the kind says; `plural` is such as `podmonitors`."""
    file = _module() / "example" / "prometheus-operator-crd" / f"monitoring.coreos.com_{plural}.yaml"
    definition = YAML(typ="safe").load(file)
    [version] = [one for one in definition["spec"]["versions"] if one["name"] == "v1"]
    found: Mapping[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


@cache
def _module() -> Path:
    binary = go.find(go.needed(_FOLDER))
    output = compiler.run(binary, ["mod", "download", "-json", MODULE], _FOLDER, "the operator's definitions")
    return Path(json.loads(output)["Dir"])


def faults(schema: Mapping[str, Any], value: Any, where: str = "") -> Iterator[str]:
    """Each thing about `value` that the schema doesn't allow."""
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str):
            yield f"{where}: neither a number nor text"
        return
    kind = schema.get("type", "")
    if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{where}: {value!r} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if isinstance(value, str):
        yield from _text_faults(schema, value, where)
    elif isinstance(value, dict):
        yield from _object_faults(schema, value, where)
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from faults(schema["items"], one, f"{where}[{at}]")


def _text_faults(schema: Mapping[str, Any], value: str, where: str) -> Iterator[str]:
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} doesn't match {schema['pattern']}"
    if len(value) < schema.get("minLength", 0):
        yield f"{where}: {value!r} is too short"


def _object_faults(schema: Mapping[str, Any], value: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from (f"{where}.{name} is missing" for name in schema.get("required", ()) if name not in value)
    known = schema.get("properties", {})
    for name, one in value.items():
        if name in known:
            yield from faults(known[name], one, f"{where}.{name}")
        elif isinstance(schema.get("additionalProperties"), dict):
            yield from faults(schema["additionalProperties"], one, f"{where}.{name}")
        elif known and not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{where}.{name} is unknown"
