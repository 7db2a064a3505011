"""Fills in the files in `node/` and `manifests/`, in which `@NAME@` stands for a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
_PLACE = re.compile(r"@([A-Z_]+)@")


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with each `@NAME@` replaced. Raises KeyError for a name without a value. Pure."""
    return _PLACE.sub(lambda match: values[match[1]], text)


def filled(file: str, values: Mapping[str, str]) -> str:
    """The text of `file`, a path below this folder, filled in."""
    return fill((HERE / file).read_text(encoding="utf-8"), values)
