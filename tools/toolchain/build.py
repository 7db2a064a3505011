"""Builds a part of the toolchain from its module into the cache, once, whatever happens in between."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools import machine, paths
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
    part = PARTS[name]
    return paths.cache() / "toolchain" / part.directory / part.output


def is_built(name: str) -> bool:
    """Whether the program is there, whole, and made from the module files as they are now."""
    part = PARTS[name]
    try:
        return path(name).is_file() and _stamp(part).read_text() == part.fingerprint()
    except OSError:
        return False


def build(name: str) -> Path:
    """The part's program, built now if it is not there. A second process waits for the first, and says so.

    Raises ToolError for want of network, disk, or a Go compiler. An interrupted build is simply run again: Go keeps
    what it has compiled, and only a finished program is given its name.
    """
    part = PARTS[name]
    if not is_built(name):
        folder = path(name).parent
        with held(folder.with_name(folder.name + ".lock"), f"building {part.purpose}", say):
            if not is_built(name):
                _build(part)
    return path(name)


def _build(part: Part) -> None:
    machine.require_disk(paths.cache(), _DISK_GIB, f"the modules and compiled packages of {part.purpose}")
    machine.warn_memory(_MEMORY_GIB, f"building {part.purpose}")
    binary = go.find(go.needed(part.folder))
    target = path(part.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    _stamp(part).unlink(missing_ok=True)
    _remove_unfinished(target)
    # A name of this process's own: the `go` of a killed build may live on for seconds and still write to its name.
    unfinished = target.with_name(f"{_unfinished_prefix(target)}{os.getpid()}")
    source = target.parent / ".source"
    with Progress(f"building {part.purpose} {part.version}", part.cold_minutes * 60).shown() as progress:
        folder = sources.writable_copy(binary, part, source) if part.source_module else part.folder
        counter = _Counter(part, progress)
        compiler.run(binary, command(part, unfinished), folder, part.purpose, on_line=counter.see)
        sources.copy_scripts(binary, part, target.parent)
    shutil.rmtree(source, ignore_errors=True)
    if not os.access(unfinished, os.X_OK):
        raise ToolError(f"go build made no program at {unfinished}.", "run the command again")
    unfinished.replace(target)
    _write_stamp(part)
    _remove_unfinished(target)


def command(part: Part, output: Path) -> list[str]:
    """The arguments of `go` that build `part` into `output`."""
    arguments = ["build", "-v", "-ldflags", part.ldflags, "-o", str(output)]
    if part.tags:
        arguments += ["-tags", part.tags]
    if part.source_module:
        # The source lies in a folder of this cache; without this, that path would be part of the program.
        arguments += ["-trimpath"]
    return [*arguments, part.package]


def _unfinished_prefix(target: Path) -> str:
    return f".{target.name}.unfinished-"


def _remove_unfinished(target: Path) -> None:
    for left_over in target.parent.glob(f"{_unfinished_prefix(target)}*"):
        left_over.unlink(missing_ok=True)


def _stamp(part: Part) -> Path:
    target = path(part.name)
    return target.with_name(f".{target.name}.stamp")


def _write_stamp(part: Part) -> None:
    unfinished = _stamp(part).with_suffix(".unfinished")
    unfinished.write_text(part.fingerprint())
    unfinished.replace(_stamp(part))


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
