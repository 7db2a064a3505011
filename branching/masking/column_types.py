"""What a type's name tells, as `format_type` writes it. Pure."""

from __future__ import annotations

import re

_TEXTS = ("text", "character varying", "character", "citext")
_ONE_WORD = """
    bigint bit boolean box bytea character cidr circle date datemultirange daterange inet int4multirange int4range
    int8multirange int8range integer interval json jsonb lseg macaddr macaddr8 name nummultirange numeric numrange path
    point polygon real smallint text tsmultirange tsrange tstzmultirange tstzrange tsvector uuid
"""
_BINARY = frozenset(_ONE_WORD.split()) | {
    "double precision",
    "character varying",
    "bit varying",
    *(f"{what} {zone} time zone" for what in ("time", "timestamp") for zone in ("with", "without")),
}
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


def travels_in_binary(base: str) -> bool:
    """Whether its binary form means the same in every database: no type of the database's own is in it, by its OID."""
    return re.sub(r"\(\d+(,-?\d+)?\)|\[\]$", "", base) in _BINARY
