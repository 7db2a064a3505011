"""What a branch's definitions have that its base's haven't, object by object, by PostgreSQL's own pg_dump."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from branching import schema
from branching.connection import Server

_HEAD = re.compile(r"^-- Name: (?P<name>.*); Type: (?P<type>.*); Schema: (?P<schema>.*); Owner: .*$", re.MULTILINE)
_NOISE = re.compile(r"^(--.*|\\(?:un)?restrict .*|SET .*;|SELECT pg_catalog\.set_config\(.*)?$")
LEFT_OUT = frozenset(
    {"EVENT TRIGGER", "SERVER", "USER MAPPING", "FOREIGN TABLE", "FOREIGN DATA WRAPPER", "PUBLICATION",
     "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA", "SUBSCRIPTION"}
)  # fmt: skip
"""What a snapshot leaves behind, so that a branch never has it."""


@dataclass(frozen=True, order=True)
class Object:
    """One object of a database."""

    type: str
    """As pg_dump calls it: `TABLE`, `FK CONSTRAINT`."""
    schema: str
    """`-` where it lies in none."""
    name: str

    def __str__(self) -> str:
        return f"{self.type} {self.name if self.schema == '-' else f'{self.schema}.{self.name}'}"


@dataclass(frozen=True, kw_only=True)
class SchemaDiff:
    """From the base to the branch."""

    added: tuple[Object, ...]
    removed: tuple[Object, ...]
    changed: Mapping[Object, str]
    """With a unified diff of each definition."""

    @property
    def empty(self) -> bool:
        """Whether the two are the same."""
        return not (self.added or self.removed or self.changed)


def of(server: Server, base: str, branch: str, pg_dump: str = "") -> SchemaDiff:
    """Compare two databases of one server.

    Args:
        server: with a role that may read the definitions of both.
        base: the database to compare with.
        branch: the branch's.
        pg_dump: the program; empty looks for it as `schema.find_programs` does.

    Raises:
        BuildFailedError: pg_dump failed.
        ServerRefusedError: it isn't there.
    """
    programs = schema.find_programs(pg_dump)
    return compare(objects(schema.text(server, programs, base)), objects(schema.text(server, programs, branch)))


def objects(dump: str) -> dict[Object, str]:
    """The objects of a schema-only dump in plain text, with what defines each. Pure."""
    heads = list(_HEAD.finditer(dump))
    ends = [head.start() for head in heads[1:]] + [len(dump)]
    found: dict[Object, str] = {}
    for head, end in zip(heads, ends, strict=True):
        key = Object(head["type"], head["schema"], head["name"])
        # Another role owns public in a branch, which pg_dump tells by making it.
        if key.type in LEFT_OUT or key == Object("SCHEMA", "-", "public"):
            continue
        lines = [line for line in dump[head.end() : end].splitlines() if not _NOISE.match(line)]
        found[key] = "\n".join(filter(None, [found.get(key), *lines]))
    return found


def compare(base: Mapping[Object, str], branch: Mapping[Object, str]) -> SchemaDiff:
    """The differences, sorted. Pure."""
    differing = sorted(key for key in base.keys() & branch.keys() if base[key] != branch[key])
    return SchemaDiff(
        added=tuple(sorted(branch.keys() - base.keys())),
        removed=tuple(sorted(base.keys() - branch.keys())),
        changed={key: _unified(base[key], branch[key]) for key in differing},
    )


def _unified(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
