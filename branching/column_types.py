"""What a type's name tells, as `format_type` writes it. Pure."""

from __future__ import annotations

import re

_TEXTS = ("text", "character varying", "character", "citext")
_SHAPE = re.compile(r"(?:\w+\.)?(?P<name>[a-z ]+?)(?:\((?P<limit>\d+)\))?$")


def is_text(base: str) -> bool:
    """Whether any text may stand in it, as far as its limit goes. No array is, and `"char"` isn't."""
    shape = _SHAPE.match(base)
    return shape is not None and shape["name"] in _TEXTS


def limit(base: str) -> int | None:
    """How many characters a text takes; None where it has no limit."""
    shape = _SHAPE.match(base)
    if shape is None or not is_text(base):
        return None
    # `character` alone is one character; `character varying` alone has no limit.
    return int(shape["limit"]) if shape["limit"] else (1 if shape["name"] == "character" else None)


def is_day(base: str) -> bool:
    """Whether it is a date without a time."""
    return base == "date"


def is_moment(base: str) -> bool:
    """Whether it is a date with a time."""
    return base.startswith("timestamp") and not base.endswith("]")
