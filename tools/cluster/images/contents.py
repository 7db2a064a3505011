"""A layer of single files: programs, links, folders, a checkout's code. Written anew each time: it is quick."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from tools.toolchain import build
from tools.toolchain.versions import Part

Entry = tuple[tarfile.TarInfo, Path | bytes]
"""An entry of the layer, and its bytes or the file that has them."""


class Content(Protocol):
    """Something in the layer."""

    def fingerprint(self) -> str:
        """A digest of all that decides its bytes."""

    def entries(self) -> Iterator[Entry]:
        """Each entry of it."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program built from modules."""

    part: Part
    path: str

    def fingerprint(self) -> str:
        return f"program {self.path} {self.part.fingerprint()}"

    def entries(self) -> Iterator[Entry]:
        yield _file(self.path, build.artifact(self.part).path, 0o755)


@dataclass(frozen=True, kw_only=True)
class Script:
    """A program that is a few lines."""

    path: str
    text: str

    def fingerprint(self) -> str:
        return f"script {self.path} {self.text}"

    def entries(self) -> Iterator[Entry]:
        entry = _entry(self.path, tarfile.REGTYPE, 0o755)
        entry.size = len(self.text.encode())
        yield entry, self.text.encode()


@dataclass(frozen=True, kw_only=True)
class Link:
    """A symbolic link."""

    path: str
    target: str

    def fingerprint(self) -> str:
        return f"link {self.path} {self.target}"

    def entries(self) -> Iterator[Entry]:
        entry = _entry(self.path, tarfile.SYMTYPE, 0o777)
        entry.linkname = self.target
        yield entry, b""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """An empty folder, such as a /tmp."""

    path: str
    mode: int

    def fingerprint(self) -> str:
        return f"folder {self.path} {self.mode:o}"

    def entries(self) -> Iterator[Entry]:
        yield _entry(self.path, tarfile.DIRTYPE, self.mode), b""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The files below a folder, readable by everybody; what Python compiled is left out."""

    source: Path
    path: str
    without: tuple[str, ...] = ()
    """Files that stay out, as paths below the folder."""

    def fingerprint(self) -> str:
        digest = hashlib.sha256(self.path.encode())
        for relative in self._files():
            digest.update(f"{relative}\0".encode())
            digest.update(hashlib.sha256((self.source / relative).read_bytes()).digest())
        return f"tree {digest.hexdigest()}"

    def entries(self) -> Iterator[Entry]:
        for relative in self._files():
            yield _file(f"{self.path}/{relative}", self.source / relative, 0o644)

    def _files(self) -> list[PurePosixPath]:
        found = (each.relative_to(self.source) for each in self.source.rglob("*") if each.is_file())
        wanted = (each for each in found if "__pycache__" not in each.parts and str(each) not in self.without)
        return sorted(PurePosixPath(each) for each in wanted)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The layer."""

    of: tuple[Content, ...]

    def fingerprint(self) -> str:
        return "\n".join(content.fingerprint() for content in self.of)

    def tar(self, scratch: Path) -> Path:
        """The layer's file, written in the folder `scratch`."""
        target = scratch / "contents.tar"
        with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
            entries = [entry for content in self.of for entry in content.entries()]
            for folder in _missing_folders(entry for entry, _ in entries):
                archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o755))
            for entry, source in entries:
                with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
                    archive.addfile(entry, stream)
        return target


def _missing_folders(entries: Iterable[tarfile.TarInfo]) -> list[str]:
    """The folders above the entries that aren't entries themselves, but for the topmost: a root filesystem has those.

    Where there is none, the runtime makes them.
    """
    named = list(entries)
    own = {entry.name for entry in named}
    above = {str(parent) for entry in named for parent in PurePosixPath(entry.name).parents}
    return sorted(each for each in above - own if "/" in each)


def _file(path: str, source: Path, mode: int) -> tuple[tarfile.TarInfo, Path]:
    entry = _entry(path, tarfile.REGTYPE, mode)
    entry.size = source.stat().st_size
    return entry, source


def _entry(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path.strip("/"))
    entry.type, entry.mode, entry.mtime = kind, mode, 0
    return entry
