"""A checkout of its own for a test: the project's files, its own ports, its own generated files; the venv is shared."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from dotenv import dotenv_values
from ruamel.yaml import YAML

from stacks.embedded import EmbeddedServer, read_description
from tools import paths
from tools.embedded import postgres, supervisor
from tools.embedded.ports import free_port

SECONDS = 600
"""After which a command counts as hanging."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    """stdout alone, for what is to be parsed."""
    said: str
    """stdout and stderr together, as the user sees them."""


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A copy of the project in a folder of its own."""

    root: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that each of its commands has."""

    @property
    def home(self) -> Path:
        return self.root / ".socle"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a user's shell: none of the test's own settings."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "SOCLE_", "PG"))}
        return {**kept, "COLUMNS": "160", **self.extra}

    def command(self, *words: str) -> list[str]:
        """The command line of one of the project's commands, as the Makefile runs it behind the bootstrap."""
        return [sys.executable, "-m", "tools.cli", *words]

    def run(self, *words: str, expect: int | None = 0, **variables: str) -> Done:
        """Run one of the project's commands."""
        return self._run(self.command(*words), expect, variables)

    def pulumi(self, *words: str, expect: int | None = 0, **variables: str) -> Done:
        """Run plain `pulumi` in a shell that took over `make env`."""
        script = 'eval "$("$1" -m tools.cli env)"; shift; exec pulumi "$@" --non-interactive --color never'
        return self._run(["sh", "-c", script, "sh", sys.executable, *words], expect, variables)

    def _run(self, command: list[str], expect: int | None, variables: dict[str, str]) -> Done:
        done = subprocess.run(
            command, cwd=self.root, env={**self.environment, **variables}, text=True, check=False, timeout=SECONDS,
            capture_output=True,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert expect is None or done.returncode == expect, f"{command} ended with {done.returncode}:\n{said}"
        return Done(code=done.returncode, out=done.stdout, said=said)

    def settings(self, change: Callable[[dict[str, Any]], None], stack: str = "local") -> None:
        """Change `Pulumi.<stack>.yaml` as a user would with an editor."""
        file, yaml = self.root / f"Pulumi.{stack}.yaml", YAML()
        document = yaml.load(file)
        change(document["config"])
        yaml.dump(document, file)

    def variables(self, application: str, stack: str = "local", variant: str = "") -> dict[str, str]:
        """The application's environment file, as its own library reads it."""
        file = self.home / "env" / stack / f"{application}{variant}.env"
        assert file.exists(), f"{file} is missing"
        return {key: value or "" for key, value in dotenv_values(file).items()}

    def server(self, name: str = "main") -> EmbeddedServer:
        found = read_description(self.home, name)
        assert found is not None, f"the server {name} was never started"
        return found

    @contextlib.contextmanager
    def admin(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """The administrator, each statement committed at once."""
        with postgres.connect(self.server(), database) as connection:
            yield connection

    def databases(self) -> set[str]:
        with self.admin() as admin:
            return {row[0] for row in admin.execute("SELECT datname FROM pg_database").fetchall()}

    def roles(self) -> set[str]:
        with self.admin() as admin:
            rows = admin.execute("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'").fetchall()
            return {row[0] for row in rows}

    def destroy(self) -> None:
        """End every process of the checkout and delete it."""
        supervisor.destroy_all(self.home)
        shutil.rmtree(self.root, ignore_errors=True)


def make(folder: Path, *applications: str, variables: Mapping[str, str] | None = None) -> Checkout:
    """A checkout below `folder` on ports of its own, with all or only some of the local applications."""
    root = folder / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=paths.ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.rstrip("\0").split("\0"):
        source, target = paths.ROOT / name, root / name
        if source.is_file() and not name.startswith("tests/"):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    (root / ".socle").mkdir(mode=0o711)
    (root / ".socle" / "venv").symlink_to(paths.VENV)
    checkout = Checkout(root=root, extra=variables or {})
    checkout.settings(lambda config: _localise(config, applications))
    return checkout


def _localise(config: dict[str, Any], applications: tuple[str, ...]) -> None:
    port = free_port()
    config["socle:server"] |= {"port": port, "testPort": free_port(beside=port)}
    config["socle:cache"]["port"] = free_port()
    config["socle:documents"]["port"] = free_port()
    if applications:
        apps = config["socle:apps"]
        for name in [name for name in apps if name not in applications]:
            del apps[name]
