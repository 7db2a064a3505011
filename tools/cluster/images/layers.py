"""The layers that take long: Debian root filesystems and Python packages. Each is kept, and made once for an input."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tools import venv
from tools.artifact import Artifact
from tools.cluster import layout, programs
from tools.cluster.versions import DEBIAN, PYTHON
from tools.errors import ToolError

RECIPE = "1"
"""Raised when the way a layer is made changes."""
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*")
_PLATFORM = "x86_64-manylinux_2_28"


class Layer(Protocol):
    """A layer of an image."""

    def fingerprint(self) -> str:
        """A digest of all that decides it."""

    def tar(self, scratch: Path, /) -> Path:
        """Its file, made now where it has to be; `scratch` is a folder for what need not be kept."""


@dataclass(frozen=True, kw_only=True)
class RootFilesystem:
    """Debian's smallest system with some packages, by mmdebstrap.

    Debian's own versions are not part of the fingerprint: what was made stays until its file is removed.
    """

    name: str
    packages: tuple[str, ...]
    before: tuple[str, ...] = ()
    """Shell commands run before the packages are installed; the system lies at `$1`."""
    after: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        return _digest("root", DEBIAN, *self.packages, "before", *self.before, "after", *self.after)

    def tar(self, _scratch: Path) -> Path:
        artifact = _kept(self.name, self.fingerprint())
        if not artifact.is_current():
            artifact.make(self._bootstrap)
        return artifact.path

    def _bootstrap(self, target: Path) -> None:
        command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar"]
        command += [f"--include={','.join(self.packages)}"]
        command += [f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT]
        # What an interrupted run leaves is thrown away: dpkg need not see every file on the disk.
        command += ["--dpkgopt=force-unsafe-io"]
        command += [f"--essential-hook={line}" for line in self.before]
        command += [f"--customize-hook={line}" for line in self.after]
        run_logged([*command, DEBIAN, str(target)], f"{self.name}-mmdebstrap", "Debian's packages")


@dataclass(frozen=True, kw_only=True)
class PythonPackages:
    """Wheels unpacked into one folder, fetched out here: the image needs neither pip nor a network.

    They are compiled by the image's own Python: it may not write there, and would compile all it imports at each start.
    """

    name: str
    root: RootFilesystem
    """The layer below, which has that Python."""
    path: str
    """Where they lie in the image; to be on PYTHONPATH."""
    requirements: Callable[[], str]
    """Pinned with hashes, as `uv export` and `uv pip compile` write them."""

    def fingerprint(self) -> str:
        return _digest("python", self.path, self.requirements(), PYTHON, self.root.fingerprint())

    def tar(self, scratch: Path) -> Path:
        artifact = _kept(self.name, self.fingerprint())
        if not artifact.is_current():
            artifact.make(lambda target: self._install(scratch, target))
        return artifact.path

    def _install(self, scratch: Path, target: Path) -> None:
        system = scratch / "system"
        system.mkdir()
        folder = system / self.path.strip("/")
        run_logged(["tar", "--extract", f"--file={self.root.tar(scratch)}", f"--directory={system}"],
                   f"{self.name}-tar", "the root filesystem")  # fmt: skip
        requirements = scratch / "requirements.txt"
        requirements.write_text(self.requirements())
        command = [venv.get_uv(), "pip", "install", "--no-deps", "--require-hashes", "--only-binary=:all:"]
        # uv rather than pip: it reads the requirements' conditions for the image's Python, not for this one.
        command += [f"--python-version={PYTHON}", f"--python-platform={_PLATFORM}", f"--target={folder}"]
        command += ["--requirement", str(requirements)]
        run_logged(command, f"{self.name}-uv", "the Python packages", venv.uv_environment())
        # Unchecked: what a compiled file is checked against otherwise, its source's time, is not kept in the layer.
        compiling = ["python3", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", self.path]
        run_logged(["chroot", str(system), *compiling], f"{self.name}-compile", "the compiled Python packages")
        with tarfile.open(target, "w") as archive:
            archive.add(folder, arcname=self.path.strip("/"), filter=_readable)
        shutil.rmtree(system)


def run_logged(command: Sequence[str], log: str, what: str, environ: Mapping[str, str] = os.environ) -> None:
    """Run a program that says much. Raises ToolError with the end of its log."""
    variables = {**environ, "PATH": programs.PATH, "DEBIAN_FRONTEND": "noninteractive"}
    path = layout.logs() / f"{log}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as output:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False, env=variables
        )
    if done.returncode:
        lines = "\n".join(f"    {line}" for line in path.read_text(errors="replace").splitlines()[-8:])
        raise ToolError(f"{what[0].upper()}{what[1:]} could not be had:\n{lines}", f"check the network; {path}")


def _kept(name: str, fingerprint: str) -> Artifact:
    return Artifact(path=layout.layers() / f"{name}.tar", fingerprint=fingerprint)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join((RECIPE, *parts)).encode()).hexdigest()


def _readable(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member
