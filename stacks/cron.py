"""Whether a cron schedule is one, before an operator or Kubernetes says so in the middle of an update. Pure.

https://pkg.go.dev/github.com/robfig/cron#hdr-CRON_Expression_Format: both stand on that parser.
"""

from __future__ import annotations

import re

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("second", 0, 59, []),
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of the month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
_PART = re.compile(r"(\*|\?|\w+(?:-\w+)?)(?:/(\d+))?")


def problem(schedule: str, fields: int) -> str | None:
    """What is wrong with a schedule of five fields, or of six with the seconds first; None where it is right."""
    found = schedule.split()
    if len(found) != fields:
        return f"{len(found)} fields"
    for text, (name, low, high, words) in zip(found, _FIELDS[-fields:], strict=True):
        if not all(_fits(part, low, high, words) for part in text.split(",")):
            return f"{text} is no {name}"
    return None


def _fits(part: str, low: int, high: int, words: list[str]) -> bool:
    found = _PART.fullmatch(part)
    if not found or found[2] == "0":
        return False
    if found[1] in "*?":
        return True
    ends = [_number(one, low, words) for one in found[1].split("-")]
    return all(low <= one <= high for one in ends) and ends == sorted(ends)


def _number(text: str, low: int, words: list[str]) -> int:
    if text.lower() in words:
        return words.index(text.lower()) + low
    return int(text) if text.isdecimal() else -1
