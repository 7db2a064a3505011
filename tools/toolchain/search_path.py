"""Looks for the user's own programs on PATH, passing by everything Socle has put there itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tools import paths

WRAPPER_MARK = "socle-pulumi-wrapper"
"""A word in the wrapper's second line: the wrapper of any checkout is known by it, whatever its folder is called."""


def users_folders(search_path: str) -> list[str]:
    """The folders of `search_path` that are not ours: neither in the cache, nor a Socle home's, nor the venv's."""
    ours = [paths.cache(), paths.home(), paths.VENV]
    roots = {str(path) for path in ours} | {str(path.resolve()) for path in ours}
    return [
        folder
        for folder in search_path.split(os.pathsep)
        if folder and not any(folder == root or folder.startswith(root + os.sep) for root in roots)
    ]


def find_all(program: str, search_path: str) -> Iterator[Path]:
    """Each executable `program` that is the user's, first on `search_path` first."""
    for folder in users_folders(search_path):
        candidate = Path(folder) / program
        if candidate.is_file() and os.access(candidate, os.X_OK) and not _is_wrapper(candidate):
            yield candidate


def find(program: str, search_path: str) -> Path | None:
    """The user's `program`, or None."""
    return next(find_all(program, search_path), None)


def _is_wrapper(candidate: Path) -> bool:
    with candidate.open("rb") as file:
        return WRAPPER_MARK.encode() in file.read(200)
