"""Files that come out of the module cache: executor scripts, and modules that need a file added before they build."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tools.toolchain import compiler
from tools.toolchain.versions import SDK_MODULE, Part


def module_folder(go: Path, part: Part, module: str) -> Path:
    """Where the module cache has `module` at the version that `part` pins, downloaded and checked against go.sum."""
    output = compiler.run(go, ["mod", "download", "-json", module], part.folder, part.purpose)
    return Path(json.loads(output)["Dir"])


def writable_copy(go: Path, part: Part, to: Path) -> Path:
    """Copy the module that `part` is built from to `to`, and patch it.

    An overlay would do without the copy, but Go refuses overlays over its module cache.
    """
    shutil.rmtree(to, ignore_errors=True)
    copy_tree(module_folder(go, part, part.source_module), to)
    if part.patch is not None:
        part.patch(to, lambda module: module_folder(go, part, module))
    return to


def copy_tree(source: Path, to: Path) -> None:
    """Copy a folder of the module cache so that the copy can be written to."""
    shutil.copytree(source, to, copy_function=shutil.copyfile)
    for folder in (to, *(each for each in to.rglob("*") if each.is_dir())):
        folder.chmod(0o755)


def copy_scripts(go: Path, part: Part, to: Path) -> None:
    """Put the SDK's executor scripts into `to`, each by rename, so that a half-copied one is never run."""
    if not part.scripts:
        return
    sdk = module_folder(go, part, SDK_MODULE)
    for script in part.scripts:
        target = to / Path(script).name
        unfinished = target.with_name(f".{target.name}.unfinished")
        shutil.copyfile(sdk / script, unfinished)
        unfinished.chmod(0o755)
        unfinished.rename(target)
