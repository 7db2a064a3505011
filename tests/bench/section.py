"""docs/benchmarks.md: each command writes its own section and leaves the others."""

from __future__ import annotations

import os
import platform
import re

import psutil

from tools import paths

PAGE = paths.ROOT / "docs" / "benchmarks.md"


def machine() -> str:
    """What it is that was measured on."""
    memory = round(psutil.virtual_memory().total / 2**30)
    return f"{os.cpu_count()} cores ({platform.machine()}), {memory} GiB, {platform.system()}"


def verdict(reached: bool) -> str:
    """A target's end."""
    return "reached" if reached else "missed"


def write(name: str, text: str) -> None:
    """Put `text` into the section `name` of the page; a new section comes last."""
    start, end = f"<!-- {name}: written by a command -->", f"<!-- end of {name} -->"
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Benchmarks\n"
    block = f"{start}\n{text.strip()}\n{end}"
    found = re.search(re.escape(start) + r".*?" + re.escape(end), page, re.DOTALL)
    page = page.replace(found[0], block) if found else f"{page.rstrip()}\n\n{block}\n"
    PAGE.write_text(page, encoding="utf-8")
