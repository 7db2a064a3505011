"""Settings that can't be used, told so that the reader can mend them: where, what was found, what to write. Pure."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing wrong with the settings."""

    path: str
    """Of the YAML node: `socle:apps.city-api.database`."""
    found: str
    allowed: str
    write: str
    """A line that would be right in that place."""

    def __str__(self) -> str:
        return f"{self.path}\n     found:   {self.found}\n     allowed: {self.allowed}\n     write:   {self.write}"


class SettingsError(Exception):
    """All problems of one file. Nothing has been created or changed when it is raised."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source, self.problems = source, tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        count = "one problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        entries = "\n".join(f"  {number}. {problem}" for number, problem in enumerate(self.problems, start=1))
        return f"{self.source}: {count} in the settings; nothing was changed.\n{entries}"


def from_validation(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """The problems in a pydantic error about the settings model."""
    return [_problem(details, model) for details in error.errors()]


def _problem(details: ErrorDetails, model: type[BaseModel]) -> Problem:
    location = [part for part in details["loc"] if isinstance(part, str | int)]
    if location and location[-1] == "[key]":
        return _key_problem(details, _owner(model, location[:-1])[1])
    owner, keys = _owner(model, location)
    # A union's tag (`embedded`) is no key of the file, so the path keeps only what the walk found there.
    path = "socle:" + ".".join(map(str, keys))
    key = str(keys[-1]) if keys else ""
    found = shown(details["input"])
    if details["type"] == "extra_forbidden":
        names = sorted(_fields(owner)) if owner else []
        near = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
        value = found if near else "…"
        return Problem(
            path=path,
            found=f"an unknown key, {key}: {found}",
            allowed=", ".join(names),
            write=f"{near[0]}: {value}" if near else "remove this line",
        )
    if details["type"] == "missing":
        return Problem(
            path=path, found="nothing", allowed="this key is required", write=f"{key}: {_example(owner, key)}"
        )
    return Problem(path=path, found=found, allowed=_allowed(details), write=f"{key}: {_example(owner, key)}")


def _key_problem(details: ErrorDetails, keys: Sequence[str | int]) -> Problem:
    key = str(keys[-1])
    usable = re.sub(r"[^a-z0-9-]+", "-", key.lower()).strip("-0123456789") or "name"
    if details["type"] == "string_pattern_mismatch":
        usable = re.sub(r"[^A-Za-z0-9_]", "_", key)
        usable = usable if not usable[:1].isdigit() else f"_{usable}"
    return Problem(
        path="socle:" + ".".join(map(str, keys)),
        found=f"the name {key}",
        allowed=_allowed(details),
        write=f"{usable}: …",
    )


_WORDS = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def _allowed(details: ErrorDetails) -> str:
    plain = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    plain = plain.replace("String should match pattern", "what matches")
    return _WORDS.get(details["type"], plain)


def shown(value: object) -> str:
    """`value` as the file has it, short, and never what was encrypted."""
    if isinstance(value, dict):
        return "a mapping" if "secure" not in value else "an encrypted value"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _fields(model: type[BaseModel]) -> dict[str, typing.Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _example(model: type[BaseModel] | None, key: str) -> str:
    field = _fields(model).get(key) if model else None
    if field is None:
        return "…"
    if field.examples:
        return str(field.examples[0])
    default = field.get_default(call_default_factory=False)
    return shown(default) if isinstance(default, str | int | bool) else "…"


def _owner(model: type[BaseModel], location: Sequence[str | int]) -> tuple[type[BaseModel] | None, list[str | int]]:
    """The model that the last key of `location` belongs to, and the location without the tags of unions."""
    current: object = model
    owner: type[BaseModel] | None = None
    keys: list[str | int] = []
    for part in location:
        variants = _variants(current)
        if len(variants) > 1 and (tagged := [m for m in variants if _tag(m) == part]):
            current = tagged[0]
            continue
        owner = next((m for m in variants if part in _fields(m)), variants[0] if variants else None)
        keys.append(part)
        current = _fields(owner)[str(part)].annotation if owner and part in _fields(owner) else _values(current)
    return owner, keys


def _variants(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        return [model for argument in typing.get_args(annotation) for model in _variants(argument)]
    return []


def _values(annotation: object) -> object:
    """The annotation of what a mapping or list holds."""
    arguments = typing.get_args(annotation)
    return arguments[-1] if arguments and typing.get_origin(annotation) in (dict, list, tuple) else None


def _tag(model: type[BaseModel]) -> object:
    field = model.model_fields.get("type") or model.model_fields.get("kind")
    return field.default if field else None
