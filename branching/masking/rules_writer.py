"""Adds rules to a rules file; its comments and its order stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from branching.masking.proposals import Proposal
from branching.masking.rule_lines import scalar


def added(text: str, proposed: Mapping[str, Sequence[Proposal]]) -> str:
    """`text`, the content of a rules file or nothing, with each proposal that has a reason, which becomes a comment."""
    yaml = YAML(typ="rt")
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    document = yaml.load(text) or CommentedMap()
    tables = document.get("tables")
    # An empty flow mapping, as `tables: {}`, would take its content on the same line.
    if not tables:
        tables = document["tables"] = CommentedMap()
    for key, proposals in proposed.items():
        new = [one for one in proposals if one.reason]
        if not tables.get(key):
            tables[key] = CommentedMap()
        width = max((len(f"{one.column}: {_shown(one.rule)}") for one in new), default=0)
        for one in new:
            tables[key][one.column] = _value(one.rule)
            tables[key].yaml_add_eol_comment(one.reason, one.column, column=width + 6)
    written = StringIO()
    yaml.dump(document, written)
    return written.getvalue()


def _shown(rule: str) -> str:
    return scalar(rule) if rule == "null" else rule


def _value(rule: str) -> object:
    if rule.startswith("{"):
        return YAML(typ="rt").load(rule)
    return DoubleQuotedScalarString(rule) if rule == "null" else rule
