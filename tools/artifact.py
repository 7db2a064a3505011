"""A file that is made once and known by what it was made from, whatever happens in between."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file in the cache: a program, an image, a layer of one."""

    path: Path
    fingerprint: str
    """A digest of all that decides the file."""

    def is_current(self) -> bool:
        """Whether the file is there, whole, and made from what it would be made from now."""
        try:
            return self.path.is_file() and self._stamp.read_text() == self.fingerprint
        except OSError:
            return False

    def make(self, into: Callable[[Path], None]) -> None:
        """Have `into` write the file under an unfinished name, then give it its own; what a killed run left goes.

        The name is this process's own: the child of a killed run may live on for seconds and still write to its name.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stamp.unlink(missing_ok=True)
        self._remove_unfinished()
        unfinished = self.path.with_name(f"{self._unfinished}{os.getpid()}")
        into(unfinished)
        unfinished.replace(self.path)
        stamp = self._stamp.with_suffix(".unfinished")
        stamp.write_text(self.fingerprint)
        stamp.replace(self._stamp)
        self._remove_unfinished()

    @property
    def _stamp(self) -> Path:
        return self.path.with_name(f".{self.path.name}.stamp")

    @property
    def _unfinished(self) -> str:
        return f".{self.path.name}.unfinished-"

    def _remove_unfinished(self) -> None:
        for left_over in self.path.parent.glob(f"{self._unfinished}*"):
            left_over.unlink(missing_ok=True)
