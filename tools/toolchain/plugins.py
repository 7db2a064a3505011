"""Which provider plugins a command needs, and how each comes to be where the CLI looks for it.

The CLI takes a plugin from PATH first, with a warning at every run, then from `plugins/resource-<name>-v<version>` of
its home. So what is built is placed in such a folder, under the very version that the SDK asks for, and no warning
arises. A file in it marks it as ours: ours gives way to a real one as soon as that can be had.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools import paths
from tools.errors import ToolError
from tools.toolchain import build, network, pulumi, search_path
from tools.toolchain.locks import held
from tools.toolchain.progress import say
from tools.toolchain.versions import PARTS

MARK = ".socle-placed"
"""A file in a plugin's folder that Socle made; its content says what it is, and from which program."""

_ON_DEMAND = {"aws": "make aws-plugin (20 to 30 minutes)"}
_STAND_IN = paths.ROOT / "tools" / "plugins" / "bin" / "pulumi-resource-postgresql"
CHECKOUT = "SOCLE_CHECKOUT"


@dataclass(frozen=True, kw_only=True)
class Home:
    """The CLI's home. `shared` means that it is the user's, which other projects use: nothing is placed in it."""

    path: Path
    shared: bool

    @property
    def plugins(self) -> Path:
        return self.path / "plugins"


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """How one plugin is had: as a stand-in or not, and the folder it needs on PATH, if any."""

    name: str
    stand_in: bool = False
    folder: Path | None = None


def ensure(name: str, home: Home, cli: pulumi.Pulumi, environ: Mapping[str, str]) -> Plugin:
    """Have the plugin `name` where the CLI finds it, at the version of the installed SDK. Raises ToolError otherwise.

    Order: installed; on PATH; installed for the user; official download; built, or for postgresql the stand-in.
    """
    version = sdk_version(name)
    folder = home.plugins / f"resource-{name}-v{version}"
    if _is_whole(folder) and not _is_ours(folder):
        return Plugin(name=name)
    if search_path.find(f"pulumi-resource-{name}", environ.get("PATH", "")):
        return Plugin(name=name)
    if not home.shared and _is_settled(name, folder):
        return Plugin(name=name, stand_in=name == "postgresql")
    with held(paths.cache() / "toolchain" / f"plugin-{name}.lock", f"installing the {name} plugin", say):
        if not home.shared and _adopt(folder):
            return Plugin(name=name)
        if _wants_download(name, folder) and _download(name, version, folder, cli, environ):
            return Plugin(name=name)
        program, stand_in = _program(name)
        place = _own_folder(name) if home.shared else folder
        for each in [place] if home.shared else _places(home, name, version):
            _place(each, program, name, stand_in)
    return Plugin(name=name, stand_in=stand_in, folder=place if home.shared else None)


def sdk_version(name: str) -> str:
    """The version of plugin that the installed SDK asks the CLI for: its own."""
    return importlib.metadata.version(f"pulumi-{name}")


def _is_whole(folder: Path) -> bool:
    return folder.is_dir() and not folder.with_name(folder.name + ".partial").exists()


def _is_ours(folder: Path) -> bool:
    return (folder / MARK).exists()


def _is_settled(name: str, folder: Path) -> bool:
    """Whether ours is placed, current, and nothing better can be had; the answer of nearly every command."""
    if not _is_ours(folder) or _wants_download(name, folder):
        return False
    mark, program = (folder / MARK).read_text(), folder / f"pulumi-resource-{name}"
    if name == "postgresql":
        return mark == _mark(_STAND_IN, stand_in=True) and program.exists()
    return build.is_built(name) and mark == _mark(build.path(name), stand_in=False) and program.exists()


def _adopt(folder: Path) -> bool:
    """Link a plugin that the user's own Pulumi installed. The folder is made anew: the CLI passes by linked folders."""
    original = Path.home() / ".pulumi" / "plugins" / folder.name
    if not _is_whole(original) or _is_ours(original) or original == folder:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in original.iterdir():
        (folder / file.name).symlink_to(file)
    return True


def _wants_download(name: str, folder: Path) -> bool:
    """Whether to try the official plugin: not when building is asked for, nor where a true build is there."""
    if pulumi.forced() == "build":
        return False
    has_true_build = name != "postgresql" and (_is_ours(folder) or (name in PARTS and build.is_built(name)))
    return not has_true_build and network.releases_reachable()


def _download(name: str, version: str, folder: Path, cli: pulumi.Pulumi, environ: Mapping[str, str]) -> bool:
    """Let the CLI install the official plugin. Ours, set aside meanwhile, comes back when that fails."""
    aside = folder.with_name(f".{folder.name}.aside")
    if _is_ours(folder):
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
    say(f"installing the {name} plugin {version}")
    command = [str(cli.binary), "plugin", "install", "resource", name, version]
    result = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
    if result.returncode == 0:
        shutil.rmtree(aside, ignore_errors=True)
        return True
    reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
    say(f"the official {name} plugin could not be installed: {reason}")
    if aside.exists() and not folder.exists():
        aside.rename(folder)
    return False


def _program(name: str) -> tuple[Path, bool]:
    """The program to place for `name`, and whether it is a stand-in."""
    if name == "postgresql":
        if not _STAND_IN.exists():
            raise ToolError(f"The stand-in for the postgresql plugin is missing: {_STAND_IN}.", "git checkout -- tools")
        return _STAND_IN, True
    if name in _ON_DEMAND and not build.is_built(name):
        raise ToolError(
            f"The {name} plugin is neither installed nor can it be downloaded from here.",
            f"{_ON_DEMAND[name]}, or: pulumi plugin install resource {name} {sdk_version(name)}",
        )
    return build.build(name), False


def _own_folder(name: str) -> Path:
    """A folder for PATH, where the home is the user's: the CLI's warning is the price of leaving that home alone."""
    return paths.cache() / "toolchain" / "plugins" / name


def _places(home: Home, name: str, version: str) -> list[Path]:
    """The folder of the SDK's version, and one for each version this checkout's state was made with.

    The engine destroys and refreshes by the version in the state, which is another one after an upgrade of the SDK. The
    states are read only when something is to be placed, which is when such a folder may be missing as well.
    """
    folder = home.plugins / f"resource-{name}-v{version}"
    if _is_ours(folder):
        return [folder]
    wanted = [folder, *(home.plugins / f"resource-{name}-v{each}" for each in sorted(_versions_in_state(name)))]
    return [each for each in dict.fromkeys(wanted) if _is_ours(each) or not each.exists()]


def _versions_in_state(name: str) -> set[str]:
    provider = re.compile(rf'"type":\s*"pulumi:providers:{name}".{{0,2000}}?"version":\s*"(\d+\.\d+\.\d+)"', re.DOTALL)
    found: set[str] = set()
    for state in (paths.home() / "state").rglob("stacks/**/*.json"):
        found.update(provider.findall(state.read_text(errors="replace")))
    return found


def _place(folder: Path, program: Path, name: str, stand_in: bool) -> None:
    """Make `folder` as `pulumi plugin install` does, whole or not at all, unless it is as it should be."""
    mark = _mark(program, stand_in=stand_in)
    executable = folder / f"pulumi-resource-{name}"
    if executable.exists() and (folder / MARK).exists() and (folder / MARK).read_text() == mark:
        return
    # The CLI skips folders with this ending, so an interrupted placing is never taken for a plugin.
    unfinished = folder.with_name(f"{folder.name}.tmp{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    new = unfinished / executable.name
    if stand_in:
        new.write_text(_stand_in_script(program))
        new.chmod(0o755)
    else:
        new.symlink_to(program)
    (unfinished / MARK).write_text(mark)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def _mark(program: Path, *, stand_in: bool) -> str:
    return "stand-in\n" if stand_in else f"built {program}\n"


def _stand_in_script(program: Path) -> str:
    """Start the stand-in of the checkout that runs: several may share this home, each with its own version of it."""
    relative = program.relative_to(paths.ROOT)
    return (
        "#!/bin/sh\n# A stand-in for the real plugin, placed by Socle: see docs/offline.md\n"
        f'[ -n "${CHECKOUT}" ] || {CHECKOUT}={shlex.quote(str(paths.ROOT))}\n'
        f'exec "${CHECKOUT}/{relative}" "$@"\n'
    )
