"""What the bridge makes of a resource's properties: defaults, differences and the form of the state. Pure.

The rules are pulumi-terraform-bridge's (`pkg/tfbridge/schema.go`, `provider.go`, `rawstate.go`) for an upstream on
terraform-plugin-sdk v2; they decide whether the two plugins can share a state file.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from tools.plugins.resource import Change, CheckFailure, Naming, NamingMode
from tools.plugins.values import UNKNOWN, Properties, contains_unknown

DEFAULTS: Final = "__defaults"
"""Inputs: the names that the program did not give."""
RAW_STATE: Final = "__pulumi_raw_state_delta"
"""Outputs: how the real plugin gets the upstream's own state back from them."""

_NAME_LIMIT: Final = 255
_RANDOM_DIGITS: Final = 7


class Kind(Enum):
    """The type of a property's value. A set and blocks are lists on the wire; a set's order means nothing."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    LIST = "list"
    SET = "set"
    BLOCKS = "blocks"

    @property
    def zero(self) -> Any:
        """What the upstream takes a missing value for."""
        return {Kind.STRING: "", Kind.INTEGER: 0, Kind.BOOLEAN: False}.get(self, [])


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property of a resource type.

    `computed`: without a value in the program the server's stands. `force_new`: can't change in place. `upstream`: the
    Terraform attribute, where it is not the name in snake case. `write_only`: never part of the outputs.
    """

    name: str
    kind: Kind = Kind.STRING
    required: bool = False
    computed: bool = False
    force_new: bool = False
    secret: bool = False
    write_only: bool = False
    autonamed: bool = False
    default: Any = None
    minimum: int | None = None
    choices: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    upstream: str = ""

    def normal(self, value: Any) -> Any:
        """`value` in the one form that comparisons and SQL use: a missing one is the zero, a set is sorted."""
        if value is None:
            return self.kind.zero
        if self.kind is Kind.SET and not contains_unknown(value):
            return sorted(set(value))
        return value

    def typed(self, value: Any) -> Any:
        """`value` as the type the property has: programs may give "10" for 10 and true for "true"."""
        if self.kind is Kind.STRING and isinstance(value, bool):
            return "true" if value else "false"
        if self.kind is Kind.STRING and isinstance(value, int | float):
            return str(value)
        if self.kind is Kind.BOOLEAN and value in ("true", "false"):
            return value == "true"
        if self.kind is Kind.INTEGER and isinstance(value, str) and value.lstrip("-").isdigit():
            return int(value)
        return value


Schema = tuple[Property, ...]


def given(schema: Schema, news: Properties) -> Properties:
    """What the program says: without nulls and reserved keys, each value of its property's type."""
    by_name = {prop.name: prop for prop in schema}
    return {
        name: by_name[name].typed(value) if name in by_name and value is not UNKNOWN else value
        for name, value in news.items()
        if value is not None and not name.startswith("__")
    }


def with_defaults(schema: Schema, olds: Properties, inputs: Properties, naming: Naming) -> Properties:
    """`inputs` with defaults and their list. A default of last time is kept; a new one that is false is left out."""
    before = olds.get(DEFAULTS)
    reusable = {name for name in olds if before is None or name in before}
    filled, defaulted = dict(inputs), []
    for prop in schema:
        if prop.name in filled or (prop.default is None and not prop.autonamed):
            continue
        if prop.name in reusable and olds[prop.name] is not None:
            filled[prop.name] = olds[prop.name]
        elif prop.autonamed:
            filled[prop.name] = automatic_name(naming)
        elif prop.default:
            filled[prop.name] = prop.default
        else:
            continue
        defaulted.append(prop.name)
    return filled | {DEFAULTS: sorted(defaulted)}


def automatic_name(naming: Naming) -> str:
    """The name of a resource that was given none. Raises ValueError where the stack's settings forbid it."""
    if naming.mode is NamingMode.DISABLE:
        raise ValueError("automatic naming is disabled but no explicit name was provided")
    if naming.mode in {NamingMode.PROPOSE, NamingMode.ENFORCE}:
        return naming.proposed
    digits = hashlib.sha256(naming.seed).hexdigest() if naming.seed else secrets.token_hex(_RANDOM_DIGITS)
    return f"{naming.resource[: _NAME_LIMIT - _RANDOM_DIGITS - 1]}-{digits[:_RANDOM_DIGITS]}"


def failures(schema: Schema, inputs: Properties) -> list[CheckFailure]:
    """Everything wrong with `inputs`, each with the property at fault."""
    known = {prop.name for prop in schema}
    found = [
        CheckFailure(name, f"there is no property '{name}' (there are: {', '.join(sorted(known))})")
        for name in inputs
        if name not in known and not name.startswith("__")
    ]
    for prop in schema:
        found += [CheckFailure(prop.name, reason) for reason in _faults(prop, inputs)]
    return found


def _faults(prop: Property, inputs: Properties) -> Iterable[str]:
    value = inputs.get(prop.name)
    if value is None:
        if prop.required and not prop.autonamed:
            yield f"the property '{prop.name}' is required"
        return
    yield from (f"'{prop.name}' conflicts with '{other}'" for other in prop.conflicts if inputs.get(other) is not None)
    yield from (f"'{prop.name}' needs '{other}'" for other in prop.needs if inputs.get(other) is None)
    if value is not UNKNOWN:
        yield from _misfits(prop, value)


def _misfits(prop: Property, value: Any) -> Iterable[str]:
    if not _fits(prop.kind, value):
        yield f"'{prop.name}' must be of type {prop.kind.value}"
    elif prop.minimum is not None and value < prop.minimum:
        yield f"'{prop.name}' must be at least {prop.minimum}, not {value}"
    elif prop.choices and value not in prop.choices:
        yield f"'{prop.name}' must be one of {', '.join(prop.choices)}, not '{value}'"


def _fits(kind: Kind, value: Any) -> bool:
    if kind is Kind.STRING:
        return isinstance(value, str)
    if kind is Kind.BOOLEAN:
        return isinstance(value, bool)
    if kind is Kind.INTEGER:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, list)


def wanted(schema: Schema, before: Properties, inputs: Properties) -> Properties:
    """The outputs that `inputs` ask for, given those of before (empty: a creation, and what is computed is unknown)."""
    return {prop.name: _wanted(prop, before, inputs) for prop in schema if not prop.write_only}


def _wanted(prop: Property, before: Properties, inputs: Properties) -> Any:
    value = inputs.get(prop.name)
    if value is not None:
        return value if prop.kind is not Kind.SET else prop.normal(value)
    if prop.default is not None:
        return prop.default
    if prop.computed:
        return before.get(prop.name) if before else UNKNOWN
    return None


def changes(schema: Schema, before: Properties, inputs: Properties) -> dict[str, Change]:
    """What `inputs` change in the outputs of before. A missing value and a zero are the same to the upstream."""
    after = wanted(schema, before, inputs)
    found = {}
    for prop in schema:
        if prop.write_only:
            continue
        change = _change(prop, before.get(prop.name), after[prop.name])
        if change is not None:
            found[prop.name] = change.replacing() if prop.force_new else change
    return found


def _change(prop: Property, old: Any, new: Any) -> Change | None:
    if not contains_unknown(new) and prop.normal(old) == prop.normal(new):
        return None
    empty: tuple[Any, ...] = (None, "", [])
    if old in empty:
        return Change.ADD
    return Change.DELETE if new in empty else Change.UPDATE


def deletes_first(schema: Schema, inputs: Properties) -> bool:
    """Whether a replacement must delete first: two resources can't share a name that the program chose."""
    defaulted = inputs.get(DEFAULTS)
    if defaulted is None:
        return False
    return any(prop.autonamed and prop.name in inputs and prop.name not in defaulted for prop in schema)


def outputs(schema: Schema, resource_id: str, values: Properties) -> Properties:
    """`values` as the state file has them: every property, the id, and the bridge's key to the upstream's state."""
    state: Properties = {prop.name: None if prop.write_only else values.get(prop.name) for prop in schema}
    return state | {"id": resource_id, RAW_STATE: _raw_state(schema, state)}


def _raw_state(schema: Schema, state: Properties) -> Properties:
    """Only what the bridge can't tell from the schema: which values are lists, and irregular attribute names."""
    lists: Properties = {prop.name: {"arr": {}} for prop in schema if isinstance(state[prop.name], list)}
    renamed = {prop.name: prop.upstream for prop in schema if prop.upstream}
    parts = {"ps": lists, "renamed": renamed}
    return {"obj": {name: part for name, part in parts.items() if part}}


def settled(schema: Schema, before: Properties, values: Properties) -> Properties:
    """`values` after a change, with the upstream's choice between null and empty: null what has always been null."""
    state = dict(values)
    for prop in schema:
        value, had = state.get(prop.name), before.get(prop.name) is not None
        if prop.kind in {Kind.SET, Kind.LIST} and not value:
            state[prop.name] = [] if had else None
        elif prop.kind is Kind.STRING and value is None and had and not prop.write_only:
            state[prop.name] = ""
    return state


def refreshed_inputs(schema: Schema, olds: Properties, state: Properties) -> Properties:
    """The inputs after a refresh: those of before with the server's values; a changed default is one no longer."""
    kept, defaulted = {}, set(olds.get(DEFAULTS) or [])
    kinds = {prop.name: prop.kind for prop in schema}
    for name, old in olds.items():
        if name.startswith("__") or name not in state:
            continue
        kept[name] = _refreshed(kinds.get(name), old, state[name])
        if kept[name] != old:
            defaulted.discard(name)
    return kept | ({DEFAULTS: sorted(defaulted)} if DEFAULTS in olds else {})


def _refreshed(kind: Kind | None, old: Any, new: Any) -> Any:
    """A set's inputs lose what the server no longer has and gain nothing; the outputs show what was added."""
    if kind is Kind.SET and isinstance(old, list) and isinstance(new, list):
        return [item for item in old if item in new]
    if kind is Kind.LIST and isinstance(old, list) and isinstance(new, list):
        return new[: len(old)]
    return new


def imported_inputs(schema: Schema, state: Mapping[str, Any]) -> Properties:
    """The inputs of an imported resource: all that is not what a program would leave out."""
    found: Properties = {}
    for prop in schema:
        value = state.get(prop.name)
        usual = prop.default if prop.default is not None else prop.kind.zero
        if value is not None and (prop.required or value != usual):
            found[prop.name] = value
    return found | {DEFAULTS: []}
