"""Makes the project's venv from `uv.lock`, when it has changed, and enters it. Standard library only.

The warm way, taken by nearly every command, reads two files, compares a hash and execs: no process, no network.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from tools import machine, paths, pip_settings
from tools.errors import ToolError

STAMP = paths.VENV / ".socle-stamp"
"""Written last, so that an interrupted installation is done again."""

_APT = "apt-get install python3-venv (or install uv), then run the command again"


def enter(command: list[str]) -> NoReturn:
    """Replace this process by `tools.cli` under the project's interpreter; a failure is one message and exit code 1."""
    try:
        if not is_current():
            with _alone():
                if not is_current():
                    install()
    except ToolError as error:
        sys.exit(f"socle: {error}")
    os.chdir(paths.ROOT)
    python = str(_python())
    os.execv(python, [python, "-m", "tools.cli", *command])  # noqa: S606


def is_current() -> bool:
    """Whether the venv has exactly what `uv.lock` says, and an interpreter that is still there."""
    try:
        return STAMP.read_text() == _fingerprint() and _python().exists() and not _python_moved_on()
    except OSError:
        return False


def install() -> None:
    """Bring the venv to `uv.lock`, development tools included. Raises ToolError naming what is missing."""
    paths.private_dir(paths.ROOT / ".socle")
    machine.require_disk(paths.ROOT, 1.0, "the Python packages")
    uv = get_uv()
    if not _python().exists() or _python_moved_on():
        _run(
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(paths.VENV)],
            "The venv could not be made",
        )
    STAMP.unlink(missing_ok=True)
    _say("installing the Python packages into .socle/venv (about a minute, once)")
    # Not `uv sync --frozen`: it downloads from the addresses written in uv.lock and so passes by the user's mirror.
    # The exported list has the same versions and hashes, and leaves the place to the settings.
    requirements = paths.ROOT / ".socle" / "requirements.txt"
    _run(
        [uv, "export", "--quiet", "--frozen", "--no-emit-project", "--output-file", str(requirements)],
        "uv.lock could not be read",
    )
    _run(
        [uv, "pip", "sync", "--python", str(_python()), "--require-hashes", *_quietly(), str(requirements)],
        "The Python packages could not be installed (uv says above what stands in the way)",
        "check the network, or the mirror in PIP_INDEX_URL or pip.conf; docs/offline.md",
    )
    _compile()
    STAMP.write_text(_fingerprint())


def _compile() -> None:
    """Compile what every `pulumi` imports: uv doesn't, and where Python may not write it would each time, for 0.4 s.

    All but the two largest SDKs, which a local environment never imports.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [str(_python()), "-m", "compileall", "-q", "-j", "0", "-x", r"pulumi_(aws|kubernetes)/", str(_site_packages())],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env=environment,
    )  # fmt: skip


def _site_packages() -> Path:
    return paths.VENV / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "uv.lock"):
        digest.update((paths.ROOT / name).read_bytes())
    return digest.hexdigest()


def _python() -> Path:
    return paths.VENV / "bin" / "python"


def _python_moved_on() -> bool:
    """Whether the system's Python was upgraded below the venv, to a minor version that can't see its packages."""
    with contextlib.suppress(OSError):
        made_with = next((paths.VENV / "lib").glob("python3.*")).name
        same_binary = _python().resolve() == Path(sys.executable).resolve()
        return same_binary and made_with != f"python3.{sys.version_info.minor}"
    return False


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the checkout's lock: two commands started together must not both write the venv."""
    lock = paths.private_dir(paths.ROOT / ".socle") / "bootstrap.lock"
    with lock.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            _say(f"waiting for process {handle.read().strip() or '?'}, which is installing the Python packages")
            fcntl.flock(handle, fcntl.LOCK_EX)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def get_uv() -> str:
    """Path of uv: the user's, or one of our own in the cache, which pip installs once. Raises ToolError."""
    own = paths.cache() / "uv"
    for candidate in (shutil.which("uv"), own / "bin" / "uv"):
        if candidate and _works([str(candidate), "export", "--help"]):
            return str(candidate)
    _say("getting uv, the package installer (once)")
    own.parent.mkdir(parents=True, exist_ok=True)
    failure = _get_uv(own)
    if failure:
        raise ToolError(f"uv could not be installed: {failure}", _APT)
    return str(own / "bin" / "uv")


def uv_environment() -> dict[str, str]:
    """The environment that uv runs in: what the user told pip holds for it as well."""
    environ = {**os.environ, **pip_settings.for_uv(os.environ)}
    # A venv that happens to be active is not the one to install into, and uv would warn about it.
    environ.pop("VIRTUAL_ENV", None)
    return environ


def _get_uv(target: Path) -> str:
    """Install uv so that `target/bin/uv` exists; returns why it failed, or nothing."""
    shutil.rmtree(target, ignore_errors=True)
    ways = []
    if _works([sys.executable, "-c", "import venv, ensurepip"]):
        make = [sys.executable, "-m", "venv", str(target)]
        ways.append([make, [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv"]])
    if _works([sys.executable, "-m", "pip", "--version"]):
        ways.append([[sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), "uv"]])
    failure = "this Python has neither venv with ensurepip, nor pip"
    for way in ways:
        results = [subprocess.run(step, capture_output=True, text=True, check=False) for step in way]
        if (target / "bin" / "uv").exists():
            return ""
        last = next((result for result in results if result.returncode), results[-1])
        failure = (last.stderr.strip() or last.stdout.strip()).splitlines()[-1:][0]
    return failure


def _run(command: list[str], failure: str, remedy: str = "") -> None:
    if subprocess.run(command, cwd=paths.ROOT, env=uv_environment(), check=False).returncode:
        raise ToolError(failure, remedy)


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _quietly() -> list[str]:
    return [] if sys.stderr.isatty() else ["--quiet"]


def _say(line: str) -> None:
    print(f"socle: {line}", file=sys.stderr, flush=True)
