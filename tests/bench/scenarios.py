"""What is measured: an empty program, the obvious one, and Socle's, on one server and one toolchain."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench import measure
from tests.bench.measure import Measured
from tests.engine import checkout
from tests.engine.checkout import Checkout
from tools import toolchain

UP = ("up", "--yes", "--skip-preview", "--non-interactive", "--color", "never", "--suppress-outputs")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A first `up` and one without a change."""

    first: Measured
    again: Measured
    resources: int


def plain(program: str, env: dict[str, str], times: int = 1) -> Run:
    """A program of its own project, in a folder of its own."""
    ready = toolchain.ensure()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Pulumi.yaml").write_text("name: bench\nruntime: python\n", encoding="utf-8")
        Path(folder, "__main__.py").write_text(program, encoding="utf-8")
        state = Path(folder, "state")
        state.mkdir()
        variables = {
            **ready.env,
            **env,
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "bench",
        }
        measure.run([str(ready.pulumi), "stack", "init", "bench", "--non-interactive"], Path(folder), variables)
        command = [str(ready.pulumi), *UP, "--stack", "bench"]
        first = measure.run(command, Path(folder), variables)
        again = [measure.run(command, Path(folder), variables) for _ in range(times)]
        resources = _count(state)
        return Run(first=first, again=_median(again), resources=resources)


def empty() -> Run:
    """An empty program, three times."""
    return plain("import pulumi\n", {}, times=3)


def obvious(applications: int) -> Run:
    """The obvious program on a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        made = _server_only(Path(folder))
        try:
            server = made.server()
            env = {
                "BENCH_HOST": server.host,
                "BENCH_PORT": str(server.port),
                "BENCH_USER": server.admin,
                "BENCH_PASSWORD": server.admin_password,
                "BENCH_CA": server.ca_file,
                "BENCH_APPLICATIONS": str(applications),
            }
            return plain(Path(__file__).with_name("obvious.py").read_text(encoding="utf-8"), env)
        finally:
            made.destroy()


def socle(applications: int, management: str) -> Run:
    """Socle with as many applications, each with its environment file, all brought up at once."""
    with tempfile.TemporaryDirectory() as folder:
        made = _server_only(Path(folder))
        try:
            made.settings(lambda config: config["socle:server"].update(management=management))
            apps = {f"app{number:03d}": {} for number in range(applications)}
            made.settings(lambda config: config["socle:apps"].update(apps))
            return _twice(made)
        finally:
            made.destroy()


def whole(management: str) -> tuple[Measured, Run]:
    """`make up` of the five applications from nothing, toolchain warm; then `pulumi up` without a change."""
    with tempfile.TemporaryDirectory() as folder:
        made = checkout.make(Path(folder))
        made.settings(lambda config: config["socle:server"].update(management=management))
        try:
            up = measure.run(made.command("up"), made.root, made.environment)
            return up, _twice(made, times=3)
        finally:
            made.destroy()


def _server_only(folder: Path) -> Checkout:
    """A checkout whose server runs, with no application yet."""
    made = checkout.make(folder, "nothing")
    made.run("up")
    return made


def _twice(made: Checkout, times: int = 1) -> Run:
    script = 'eval "$("$1" -m tools.cli env 2>/dev/null)"; env -0'
    shell = subprocess.run(
        ["sh", "-c", script, "sh", sys.executable], cwd=made.root, env=made.environment, capture_output=True, check=True
    )
    env = dict(entry.split("=", 1) for entry in shell.stdout.decode().rstrip("\0").split("\0"))
    pulumi = shutil.which("pulumi", path=env["PATH"])
    assert pulumi is not None
    command = [pulumi, *UP, "--stack", "local"]
    first = measure.run(command, made.root, env)
    again = [measure.run(command, made.root, env) for _ in range(times)]
    return Run(first=first, again=_median(again), resources=_count(made.home / "state"))


def _median(runs: list[Measured]) -> Measured:
    return sorted(runs, key=lambda one: one.seconds)[len(runs) // 2]


def _count(state: Path) -> int:
    """Resources in the only stack's state, the stack itself left out."""
    [file] = (path for path in state.glob(".pulumi/stacks/*/*.json"))
    resources = json.loads(file.read_text(encoding="utf-8"))["checkpoint"]["latest"]["resources"]
    return len(resources) - 1
