"""`docs`: the tables of docs/settings.md. Key, type and default are the models'; the meaning is the document's own."""

from __future__ import annotations

import json
import re
import typing

from pydantic import BaseModel

from stacks import backup_settings, base, kubernetes_settings, secrets_settings, settings, workload_settings
from tools import paths

MODULES = (base, backup_settings, kubernetes_settings, secrets_settings, workload_settings, settings)
"""Where the models are."""
DOCUMENT = paths.ROOT / "docs" / "settings.md"
UNKNOWN = "…"
"""The meaning of a key that nobody has explained yet."""

_TABLE = re.compile(r"(<!-- model: (\w+) -->\n)((?:\|.*\n)*)")
_HEAD = "| key | type | default | meaning |\n|---|---|---|---|\n"
_WORDS: dict[object, str] = {
    str: "text", base.Text: "text", int: "number", bool: "true or false", base.Port: "port",
    base.Milliseconds: "duration", base.Days: "days", base.Quantity: "quantity", base.Size: "size",
    secrets_settings.Date: "date", secrets_settings.Key: "text",
    base.Schedule: "schedule", backup_settings.StoreUrl: "URL", backup_settings.Destination: "`s3://bucket/folder`",
    backup_settings.Moment: "time", backup_settings.Retention: "days, weeks or months",
    **dict.fromkeys((base.DatabaseName, base.RoleName, base.ApplicationName, base.DnsLabel), "name"),
}  # fmt: skip


def write() -> None:
    """Bring the document's tables up to date."""
    DOCUMENT.write_text(render(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


def render(document: str) -> str:
    """`document` with the table after each `<!-- model: X -->` as the model X is now. Pure."""
    return _TABLE.sub(lambda found: found[1] + _table(_model(found[2]), found[3]), document)


def _model(name: str) -> type[BaseModel]:
    found: type[BaseModel] = next(getattr(one, name) for one in MODULES if hasattr(one, name))
    return found


def _table(model: type[BaseModel], written: str) -> str:
    meanings = {row.split("|")[1].strip(" `"): row.split("|")[4].strip() for row in written.splitlines()}
    hints, rows = typing.get_type_hints(model, include_extras=True), [_HEAD]
    for name, field in model.model_fields.items():
        key, kind, default = field.alias or name, _kind(hints[name]), "required"
        if kind == "number":
            bounds = (
                (word, getattr(one, at, None)) for at, word in (("ge", "from"), ("le", "to")) for one in field.metadata
            )
            kind = " ".join([kind, *(f"{word} {bound}" for word, bound in bounds if bound is not None)])
        if not (field.is_required() or key == "type"):  # `type` tells the variants apart, so it is always written
            default = _default(field.get_default(call_default_factory=True), hints[name])
        rows.append(f"| `{key}` | {kind} | {default} | {meanings.get(key, UNKNOWN)} |\n")
    return "".join(rows)


def _kind(hint: typing.Any) -> str:
    """A type as the reader of a YAML file would say it."""
    if hint in _WORDS:
        return _WORDS[hint]
    origin, inner = typing.get_origin(hint), [one for one in typing.get_args(hint) if one not in (type(None), ...)]
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in (tuple, dict):
        return f"list of {_kind(inner[0])}" if origin is tuple else f"mapping of name to {_kind(inner[1])}"
    if origin is typing.Annotated:
        return _kind(inner[0])
    return " or ".join(map(_kind, inner)) if inner else f"[{hint.__name__}](#{hint.__name__.lower()})"


def _default(value: typing.Any, hint: typing.Any) -> str:
    """A default as it would stand in the file; a dash for what is simply absent."""
    if isinstance(value, BaseModel):
        return f"`{{type: {value.type}}}`" if hasattr(value, "type") else "its defaults"
    if hint in (base.Milliseconds, base.Days):
        return f"`{value}d`" if hint == base.Days else f"`{value // 1000}s`"
    return "–" if value in (None, "") else f"`{value if isinstance(value, str) else json.dumps(value)}`"
