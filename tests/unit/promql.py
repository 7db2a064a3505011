"""Reads metric names out of PromQL, by its tokens: enough for our own rules and dashboards."""

from __future__ import annotations

import re

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_MATCHERS = re.compile(r"\{[^{}]*\}")
_RANGE = re.compile(r"\[[^\]]*\]")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
_LABEL_VALUES = re.compile(r"label_values\((.*),\s*\w+\)")
_NAME = re.compile(r"(?<![\w.$])[a-zA-Z_:][\w:]*(?!\w)(?!\s*\()")
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan"})


def metric_names(expression: str) -> set[str]:
    """The metrics that an expression, or Grafana's `label_values(…)`, reads."""
    text = _STRING.sub("", expression)
    matched = _LABEL_VALUES.fullmatch(text)
    text = matched[1] if matched else text
    for pattern in (_MATCHERS, _RANGE, _GROUPING):
        text = pattern.sub(" ", text)
    return {name for name in _NAME.findall(text) if name.lower() not in _WORDS}
