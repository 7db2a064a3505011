"""The masking rules as a file writes them: words, and forms with parameters. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ruamel.yaml import YAML

from branching.masking.fakes import FAKES
from branching.masking.masks import Constant, Expression, Hash, Keep, Null, Rule, Shift, Shuffle
from branching.relations import Column

MOST_DAYS = 36_500

_NAMED: tuple[Rule, ...] = (Keep(), Null(), Hash(), *FAKES, Shuffle())
SIMPLE: Mapping[str, Rule] = {**{rule.word: rule for rule in _NAMED}, "shift": Shift()}
"""By the one word that the file writes."""
FORMS = ("{constant: …}", "{shift: {days: 90, by: …}}", "{shuffle: {within: …}}", "{sql: …}")
ALL = (*SIMPLE, *FORMS)


def read(written: object) -> Rule:
    """The rule that a file's value stands for.

    Raises:
        ValueError: none; the text says what was found.
    """
    # YAML's own null means the rule of that name: who writes it unquoted wants the value gone.
    if written is None:
        return Null()
    if isinstance(written, str) and written in SIMPLE:
        return SIMPLE[written]
    if isinstance(written, Mapping) and len(written) > 1:
        raise ValueError(f"has {len(written)} keys ({', '.join(map(str, written))}); quote a value that has a comma")
    if not isinstance(written, Mapping) or not written:
        raise ValueError(f"has the unknown rule {shown(written)}")
    [(name, given)] = written.items()
    if name == "constant" and isinstance(given, str | int | float):
        return Constant(str(given).lower() if isinstance(given, bool) else str(given))
    if name == "sql" and isinstance(given, str) and given.strip():
        return _expression(given)
    if name == "shift":
        return _shift(_parameters("shift", given, {"days": int, "by": str}))
    if name == "shuffle":
        return Shuffle(within=str(_parameters("shuffle", given, {"within": str}).get("within", "")))
    raise ValueError(f"has the unknown rule {{{name}: {shown(given)}}}")


def read_text(written: str) -> Rule:
    """The rule that a text of the file stands for. Raises ValueError as `read` does."""
    return read(YAML(typ="safe", pure=True).load(written) if written.startswith("{") else written)


def proposal(column: Column) -> str:
    """The word to begin with for a column of this name and type: who pastes it without reading publishes nothing.

    But for keys that are numbers, and for what takes neither a null, a hash nor a shift.
    """
    number_key = column.base in ("smallint", "integer", "bigint", "uuid") and (column.primary_key or column.references)
    if number_key:
        return "keep"
    return next((word for word in ("null", "hash", "shift") if not SIMPLE[word].refusal(column)), "keep")


def _expression(text: str) -> Expression:
    if ";" in text:
        raise ValueError("has a semicolon in sql, which is one expression over the row's columns")
    return Expression(text.strip())


def _shift(given: Mapping[str, object]) -> Shift:
    days = int(str(given.get("days", Shift().days)))
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(f"shifts by {days} days, which is not from 1 to {MOST_DAYS}")
    return Shift(days=days, by=str(given.get("by", "")))


def _parameters(rule: str, given: object, known: Mapping[str, type]) -> Mapping[str, object]:
    if not isinstance(given, Mapping):
        raise ValueError(f"has {shown(given)} for {rule}, which takes {', '.join(known)}")
    for name, value in given.items():
        if name not in known or not isinstance(value, known[name]) or isinstance(value, bool):
            raise ValueError(f"has {name}: {shown(value)} in {rule}, which takes {', '.join(known)}")
    return given


def shown(written: object) -> str:
    """What a file says, for a message."""
    # A file's value is its author's own and not data; a nested one is named, not printed.
    return repr(str(written)) if isinstance(written, str | int | float | bool) else f"a {type(written).__name__}"
