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
    """Copy the module that `part` is built from to `to`, and add the version file that its build expects.

    FerretDB embeds `version.txt`, which its release process writes and its module lacks. An overlay would do without
    the copy, but Go refuses overlays over its module cache.
    """
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(module_folder(go, part, part.source_module), to, copy_function=shutil.copyfile)
    version_file = to / "build" / "version" / "version.txt"
    version_file.parent.chmod(0o755)
    version_file.write_text(f"v{part.version}\n")
    return to


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
