"""Builds a part of the toolchain from its module into the cache, once, whatever happens in between."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools import machine, paths
from tools.artifact import Artifact
from tools.errors import ToolError
from tools.toolchain import compiler, go, sources
from tools.toolchain.locks import held
from tools.toolchain.progress import Progress, say
from tools.toolchain.versions import PARTS, Part

_DISK_GIB = 6.0
"""Measured: modules 2.8 GB and compiled packages 2.6 GB for CLI, host and random together, outputs 0.2 GB."""
_MEMORY_GIB = 2.0


def path(name: str) -> Path:
    """Where the part's program lies, or will lie once it is built."""
    return artifact(PARTS[name]).path


def is_built(name: str) -> bool:
    """Whether the program is there, whole, and made from the module files as they are now."""
    return artifact(PARTS[name]).is_current()


def build(name: str) -> Path:
    """The program of the toolchain's part `name`; see `build_part`."""
    return build_part(PARTS[name])


def artifact(part: Part) -> Artifact:
    """The part's program as a file of the cache."""
    return Artifact(path=paths.cache() / part.place / part.directory / part.output, fingerprint=part.fingerprint())


def build_part(part: Part) -> Path:
    """The part's program, built now if it is not there. A second process waits for the first, and says so.

    Raises ToolError for want of network, disk, or a Go compiler. An interrupted build is simply run again: Go keeps
    what it has compiled, and only a finished program is given its name.
    """
    program = artifact(part)
    if not program.is_current():
        folder = program.path.parent
        with held(folder.with_name(folder.name + ".lock"), f"building {part.purpose}", say):
            if not program.is_current():
                _build(part, program)
    return program.path


def _build(part: Part, program: Artifact) -> None:
    machine.require_disk(paths.cache(), _DISK_GIB, f"the modules and compiled packages of {part.purpose}")
    machine.warn_memory(_MEMORY_GIB, f"building {part.purpose}")
    binary = go.find(go.needed(part.folder))
    source = program.path.parent / ".source"

    def compile_into(unfinished: Path) -> None:
        with Progress(f"building {part.purpose} {part.version}", part.cold_minutes * 60).shown() as progress:
            folder = sources.writable_copy(binary, part, source) if part.source_module else part.folder
            counter = _Counter(part, progress)
            variables = {"CGO_ENABLED": "0"} if part.static else {}
            arguments = command(part, unfinished)
            compiler.run(binary, arguments, folder, part.purpose, on_line=counter.see, variables=variables)
            sources.copy_scripts(binary, part, program.path.parent)
        shutil.rmtree(source, ignore_errors=True)
        if not os.access(unfinished, os.X_OK):
            raise ToolError(f"go build made no program at {unfinished}.", "run the command again")

    program.make(compile_into)


def command(part: Part, output: Path) -> list[str]:
    """The arguments of `go` that build `part` into `output`."""
    arguments = ["build", "-v", "-ldflags", part.ldflags, "-o", str(output)]
    if part.tags:
        arguments += ["-tags", part.tags]
    if part.source_module:
        # The source lies in a folder of this cache; without this, that path would be part of the program.
        arguments += ["-trimpath"]
    return [*arguments, part.package]


class _Counter:
    """Turns the lines of `go build -v` into one detail: how many modules came, how many packages are compiled."""

    def __init__(self, part: Part, progress: Progress) -> None:
        self._part = part
        self._progress = progress
        self._downloads = 0
        self._packages = 0

    def see(self, line: str) -> None:
        if line.startswith("go: downloading "):
            self._downloads += 1
        elif line and not line.startswith(("go: ", "#", "\t")):
            self._packages += 1
        counts = f"{self._packages} of at most {self._part.packages} packages"
        downloads = f", {self._downloads} modules downloaded" if self._downloads else ""
        self._progress.detail(f"{counts}{downloads} · {line.removeprefix('go: ')[:60]}")
