"""What branching/Dockerfile installs is what branching imports, in the versions that the project is tested with."""

from __future__ import annotations

import ast
import re
import sys
import tomllib

from tools import paths

PROJECT = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IMAGE: list[str] = PROJECT["dependency-groups"]["branching"]


def test_it_has_what_branching_imports_and_no_more() -> None:
    imported = set()
    for file in (paths.ROOT / "branching").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            imported |= {name.partition(".")[0] for name in names}
    foreign = imported - set(sys.stdlib_module_names) - {"branching"}
    installed = {re.split(r"[\[.><=]", one)[0] for one in IMAGE}
    assert foreign == installed


def test_its_versions_are_the_projects() -> None:
    assert set(IMAGE) <= set(PROJECT["project"]["dependencies"])


def test_it_copies_what_is_there() -> None:
    text = (paths.ROOT / "branching" / "Dockerfile").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, flags=re.MULTILINE)
    assert copied
    assert all((paths.ROOT / one).exists() for line in copied for one in line.split())
