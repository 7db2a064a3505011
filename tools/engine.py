"""The Pulumi engine, run as a user would run it, on the stacks of this checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from tools import paths
from tools.errors import ToolError
from tools.plugins import SAID
from tools.toolchain import Toolchain

PROJECT = "socle"


class Engine:
    """Runs the CLI of one toolchain."""

    def __init__(self, toolchain: Toolchain) -> None:
        self.toolchain = toolchain

    def stacks(self) -> list[str]:
        """The stacks of this project, by their short names."""
        listed = json.loads(self.read("stack", "ls", "--json", "--project", PROJECT))
        return sorted(entry["name"].split("/")[-1] for entry in listed)

    def init(self, stack: str) -> None:
        """Make the stack if it isn't there.

        From a folder of its own: beside the committed settings, `stack init` would write the passphrase's salt into
        them, and each checkout would be dirty from its first command on. The state keeps the salt as well.
        """
        if stack in self.stacks():
            return
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n", encoding="utf-8")
            self.read("stack", "init", stack, "--no-select", cwd=Path(folder))

    def up(self, stack: str, *flags: str) -> None:
        """Bring the stack up. Raises ToolError where the engine fails; what it said has been shown."""
        self._show(
            "up", "--stack", stack, "--yes", "--skip-preview", "--suppress-permalink=true", "--suppress-outputs", *flags
        )

    def destroy(self, stack: str) -> None:
        """Destroy what the stack made, then the stack itself with its settings and history."""
        self._show("destroy", "--stack", stack, "--yes", "--skip-preview", "--suppress-permalink=true", "--remove")

    def destroy_unprotected(self, stack: str) -> None:
        """Destroy what the stack made, but for what is protected and what that depends on."""
        self._show(
            "destroy", "--stack", stack, "--yes", "--skip-preview", "--suppress-permalink=true", "--exclude-protected"
        )

    def outputs(self, stack: str, *, secrets: bool = False) -> dict[str, Any]:
        """What the stack exports."""
        flags = ["--show-secrets"] if secrets else []
        found: dict[str, Any] = json.loads(self.read("stack", "output", "--json", "--stack", stack, *flags))
        return found

    def deployment(self, stack: str, *, secrets: bool = False) -> dict[str, Any]:
        """The stack's state."""
        flags = ["--show-secrets"] if secrets else []
        exported: dict[str, Any] = json.loads(self.read("stack", "export", "--stack", stack, *flags))
        return exported

    def replace_deployment(self, stack: str, deployment: dict[str, Any]) -> None:
        """Put back a state that `deployment` gave, changed."""
        with tempfile.TemporaryDirectory(dir=paths.private_dir(paths.home())) as folder:
            file = Path(folder, "state.json")
            file.write_text(json.dumps(deployment), encoding="utf-8")
            self.read("stack", "import", "--stack", stack, "--file", str(file))

    def read(self, *arguments: str, cwd: Path = paths.ROOT) -> str:
        """Run a command that isn't shown, and return what it printed. Raises ToolError with its message."""
        done = subprocess.run(
            [str(self.toolchain.pulumi), *arguments, "--non-interactive"],
            cwd=cwd, env=self.toolchain.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise _failure(arguments[0:2], done.stderr)
        return done.stdout

    def _show(self, *arguments: str) -> None:
        """Run a command on the user's terminal; what it says of its errors is kept as well, to tell them apart."""
        colour = "auto" if sys.stdout.isatty() else "never"
        process = subprocess.Popen(
            [str(self.toolchain.pulumi), *arguments, "--color", colour],
            cwd=paths.ROOT, env={**self.toolchain.env, SAID: "1"}, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        said: list[str] = []
        tee = threading.Thread(target=_tee, args=(process.stderr, said), daemon=True)
        tee.start()
        code = process.wait()
        tee.join()
        if code != 0:
            raise _failure(arguments[0:1], "".join(said))


def _tee(stream: IO[str], said: list[str]) -> None:
    for line in stream:
        said.append(line)
        sys.stderr.write(line)


def _failure(command: tuple[str, ...], stderr: str) -> ToolError:
    words = " ".join(command)
    if "incorrect passphrase" in stderr:
        return ToolError(
            "The state was encrypted with another passphrase than the one given",
            "set PULUMI_CONFIG_PASSPHRASE to the old one, or put the old `passphrase` file back into .socle/",
        )
    if "stack is currently locked" in stderr:
        return ToolError(
            "Another pulumi is working on this stack", "wait for it, or run `pulumi cancel` where you know it is dead"
        )
    last = [line.strip() for line in stderr.splitlines() if line.strip()]
    return ToolError(f"pulumi {words} failed" + (f": {last[-1]}" if last else ""), "what it said stands above")
