"""What branching/Dockerfile and restoring/Dockerfile install is what each imports, in the project's own versions."""

from __future__ import annotations

import ast
import re
import sys
import tomllib

import pytest

from tools import paths

PROJECT = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BROUGHT_BY = {"botocore": "boto3"}
"""What is imported but comes with another package, for which it is made."""
both = pytest.mark.parametrize("package", ["branching", "restoring"])


@both
def test_it_has_what_is_imported_and_no_more(package: str) -> None:
    imported = set()
    for file in (paths.ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            imported |= {name.partition(".")[0] for name in names}
    foreign = {BROUGHT_BY.get(one, one) for one in imported - set(sys.stdlib_module_names) - {package}}
    installed = {re.split(r"[\[.><=]", one)[0] for one in PROJECT["dependency-groups"][package]}
    assert foreign == installed


@both
def test_its_versions_are_the_projects(package: str) -> None:
    assert set(PROJECT["dependency-groups"][package]) <= set(PROJECT["project"]["dependencies"])


@both
def test_it_copies_what_is_there(package: str) -> None:
    text = (paths.ROOT / package / "Dockerfile").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, flags=re.MULTILINE)
    assert copied
    assert all((paths.ROOT / one).exists() for line in copied for one in line.split())
    assert f"--only-group {package} " in text
