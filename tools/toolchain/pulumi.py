"""Which Pulumi CLI is used: the user's, an official release, or one built from modules; in that order."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from tools import paths
from tools.errors import ToolError
from tools.toolchain import build, go, network, search_path
from tools.toolchain.locks import held
from tools.toolchain.progress import say

MINIMUM = (3, 200, 0)
"""The oldest CLI of the user's that is taken. The SDK (3.272) negotiates its features with the engine and names no
floor that helps (its Automation API says 3.1.0); what Socle itself leans on came later: secrets managers that fall back
to the state (3.134) and `--run-program` for destroy and refresh. Tried with 3.250; below 3.200 nobody has looked."""

SETTING = "SOCLE_TOOLCHAIN"
Source = Literal["path", "release", "build"]
_HOST = "pulumi-language-python"


@dataclass(frozen=True, kw_only=True)
class Pulumi:
    """A CLI to run: where it is from, and the real binary (not the wrapper)."""

    source: Source
    binary: Path


def forced() -> Source | None:
    """The source that `SOCLE_TOOLCHAIN` forces, or None. Raises ToolError for a word that is no source."""
    value = os.environ.get(SETTING, "")
    if not value:
        return None
    for source in get_args(Source):
        if value == source:
            return source  # type: ignore[no-any-return]  # get_args loses the type
    raise ToolError(f"{SETTING}={value} is none of {', '.join(get_args(Source))}.", f"unset {SETTING}")


def ensure() -> Pulumi:
    """The CLI by the order of choice, fetched or built where it must be. Needs no network when one is there."""
    only = forced()
    ways: dict[Source, Callable[[], Pulumi | None]] = {"path": _users, "release": _release, "build": _built}
    for source, way in ways.items():
        if only in (None, source) and (found := way()):
            return found
    remedy = f"unset {SETTING}, or set it to build"
    if only == "path":
        raise ToolError(f"{SETTING}=path, and PATH has no pulumi of {_dotted(MINIMUM)} or newer with {_HOST}.", remedy)
    raise ToolError(f"{SETTING}={only}, and Pulumi's official releases can't be reached from here.", remedy)


def _users() -> Pulumi | None:
    folders = os.environ.get("PATH", "")
    for binary in search_path.find_all("pulumi", folders):
        if version_of(binary) < MINIMUM:
            _say_once(f"{binary} is older than {_dotted(MINIMUM)}: another Pulumi is used")
        elif not ((binary.resolve().parent / _HOST).exists() or search_path.find(_HOST, folders)):
            _say_once(f"{binary} has no {_HOST} beside it or on PATH: another Pulumi is used")
        else:
            return Pulumi(source="path", binary=binary)
    return None


_said: set[str] = set()


def _say_once(line: str) -> None:
    if line not in _said:
        _said.add(line)
        say(line)


def version_of(binary: Path) -> tuple[int, ...]:
    """The version of the user's CLI, remembered by the file's time and size: asking takes longer than all the rest."""
    memory = paths.cache() / "toolchain" / "users-pulumi.json"
    stat = binary.stat()
    key = f"{binary.resolve()}:{stat.st_mtime_ns}:{stat.st_size}"
    try:
        known: dict[str, str] = json.loads(memory.read_text())
    except (OSError, ValueError):
        known = {}
    if key not in known:
        known = {key: _ask_version(binary)}
        memory.parent.mkdir(parents=True, exist_ok=True)
        unfinished = memory.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(known))
        unfinished.replace(memory)
    return go.parse(known[key].removeprefix("v"))


def _ask_version(binary: Path) -> str:
    environ = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        result = subprocess.run(
            [binary, "version"], capture_output=True, text=True, check=False, env=environ, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip()


def _release() -> Pulumi | None:
    version = importlib.metadata.version("pulumi")
    folder = paths.cache() / "toolchain" / f"pulumi-release-{version}"
    binary = folder / "bin" / "pulumi"
    if not binary.exists():
        if forced() == "release":
            network.forget()  # who insists wants the server asked, not the memory of it
        # A toolchain that was built before is not thrown away for a download, unless it is asked for.
        if (_is_built() and forced() != "release") or not network.releases_reachable():
            return None
        with held(folder.with_name(folder.name + ".lock"), f"downloading Pulumi {version}", say):
            if not binary.exists() and not _download(folder, version):
                return None
    return Pulumi(source="release", binary=binary)


def _download(folder: Path, version: str) -> bool:
    """Install the official release by the SDK's own means, then give it its name. False when that fails."""
    from pulumi.automation import PulumiCommand  # imported here: it costs a second
    from semver import VersionInfo

    say(f"downloading Pulumi {version}")
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    try:
        PulumiCommand.install(root=str(unfinished), version=VersionInfo.parse(version))
    except Exception as error:  # the installer is a script from the network: anything can go wrong in it
        say(f"the official release could not be installed ({type(error).__name__}); building from modules instead")
        return False
    unfinished.rename(folder)
    return True


def _is_built() -> bool:
    return build.is_built("cli") and build.is_built("language-host")


def _built() -> Pulumi:
    build.build("language-host")
    return Pulumi(source="build", binary=build.build("cli"))


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
