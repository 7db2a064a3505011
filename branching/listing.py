"""Chooses from the table of contents of a dump what a snapshot takes over. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

MUST_NOT_ACT = (
    "EVENT TRIGGER",
    "PUBLICATION TABLES IN SCHEMA",
    "PUBLICATION TABLE",
    "PUBLICATION",
    "SUBSCRIPTION TABLE",
    "SUBSCRIPTION",
    "USER MAPPING",
    "FOREIGN DATA WRAPPER",
    "FOREIGN SERVER",
    "FOREIGN TABLE",
    "SERVER",
)
"""Kinds that would reach out or act on their own in a copy."""

_CARRIES_DATA = (
    "STATISTICS DATA",
    "TABLE DATA",
    "BLOBS",
    "BLOB METADATA",
    "BLOB",
    "SEQUENCE SET",
    "MATERIALIZED VIEW DATA",
)
"""Kinds that hold the source's values, planner statistics included: nothing of a row comes past the masks."""

_MADE_BEFORE = ("EXTENSION", "SCHEMA - public")
"""Kinds that are there when the dump is restored."""

_ATTACHED = ("COMMENT", "ACL", "SECURITY LABEL")
"""Kinds that describe another object, named after a dash: `COMMENT - EXTENSION citext`."""

_ENTRY = re.compile(r"(?P<id>\d+); \d+ \d+ (?P<rest>.+)")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A table of contents for `pg_restore --use-list`, and what isn't in it."""

    text: str
    dropped: tuple[str, ...]
    """Left out since it must not act in a copy, one line each, without the entry's numbers and owner."""


def select(contents: str, existing_schemas: Collection[str] = ()) -> Selection:
    """Filter the output of `pg_restore --list`.

    Args:
        contents: that output.
        existing_schemas: schemas that were made for extensions before, besides `public`.
    """
    kept, dropped = [], []
    skipped = {*_MADE_BEFORE, *(f"SCHEMA - {schema}" for schema in existing_schemas)}
    for line in contents.splitlines():
        match = _ENTRY.fullmatch(line)
        if match is None:
            continue
        rest = match["rest"]
        subject = _subject(rest)
        if _starts(subject, MUST_NOT_ACT):
            dropped.append(_described(rest))
        elif not _starts(rest, _CARRIES_DATA) and not _starts(rest, skipped) and not _starts(subject, ("EXTENSION",)):
            kept.append(line)
    return Selection(text="\n".join(kept) + "\n", dropped=tuple(dropped))


def split_indexes(contents: str) -> tuple[str, str]:
    """A selection's text in two: indexes and keys, which several sessions can make at once, and the rest, in which a
    foreign key of a partitioned table locks tables that pg_restore doesn't know of."""
    indexes: list[str] = []
    rest: list[str] = []
    for line in contents.splitlines():
        match = _ENTRY.fullmatch(line)
        entry = match["rest"] if match else ""
        alone = _starts(entry, ("INDEX", "CONSTRAINT")) and not _starts(entry, ("INDEX ATTACH",))
        (indexes if alone else rest).append(line)
    return "\n".join(indexes) + "\n", "\n".join(rest) + "\n"


def _subject(rest: str) -> str:
    """The entry, or for a comment and the like the object that it is attached to."""
    for kind in _ATTACHED:
        prefix = f"{kind} - "
        if rest.startswith(prefix):
            return rest.removeprefix(prefix)
    return rest


def _starts(text: str, kinds: Iterable[str]) -> bool:
    return any(text == kind or text.startswith(f"{kind} ") for kind in kinds)


def _described(rest: str) -> str:
    words = rest.replace(" - ", " ").split(" ")
    return " ".join(words[:-1]) if len(words) > 2 else rest
