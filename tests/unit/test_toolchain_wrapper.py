"""The wrapper, run for real in front of a pulumi that writes down what it is called with."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.toolchain import wrapper

SETTINGS = "config:\n  # a comment\n  socle:x:   1\n"


@dataclass(frozen=True)
class Checkout:
    root: Path

    def run(self, *arguments: str, cwd: Path | None = None, **environ: str) -> list[str]:
        """The arguments that the real CLI got."""
        result = subprocess.run(
            [self.root / "wrapper", *arguments],
            cwd=cwd or self.root / "checkout",
            env={"PATH": "/usr/bin:/bin", **environ},
            check=False,
        )
        assert result.returncode == 7, "the exit code is the CLI's"
        return (self.root / "called").read_text().splitlines()

    def stack(self, name: str) -> Path:
        return self.root / "checkout" / f"Pulumi.{name}.yaml"

    @property
    def generated(self) -> str:
        return f"--config-file={self.root}/stacks/Pulumi.pr-7.yaml"

    @property
    def copy(self) -> Path:
        return self.root / "stacks" / "run" / "Pulumi.local.yaml"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "a place"
    for folder in ("checkout/sub", "stacks"):
        (root / folder).mkdir(parents=True)
    real = root / "real"
    # As the CLI does: `stack rm` deletes the settings, `stack init` writes the salt into them.
    real.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" >'{root}/called'\n"
        'case "$*" in *"stack rm"* | *--remove*) rm -f Pulumi.*.yaml ;;\n'
        '  *"stack init"*) echo "encryptionsalt: v1:x" >>"Pulumi.$3.yaml" ;; esac\nexit 7\n'
    )
    script = wrapper.render(real, root / "checkout", root / "stacks", root / "workspace.json")
    (root / "wrapper").write_text(script)
    for program in (real, root / "wrapper"):
        program.chmod(0o755)
    (root / "stacks" / "Pulumi.pr-7.yaml").touch()
    made = Checkout(root)
    made.stack("local").write_text(SETTINGS)
    return made


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "-s", "pr-7"],
        ["preview", "--stack", "pr-7", "--diff"],
        ["destroy", "--stack=pr-7", "-y"],
        ["--non-interactive", "refresh", "-spr-7"],
        ["-v", "3", "up", "-s", "organization/socle/pr-7"],
        ["config", "get", "x", "-s", "pr-7"],
        ["up", "-s", "pr-7", "-m", "-s local"],
        ["watch", "-s", "pr-7", "--", "-s", "local"],
    ],
    ids=" ".join,
)
def test_a_pull_requests_file_is_found(checkout: Checkout, arguments: list[str]) -> None:
    assert checkout.run(*arguments) == [checkout.generated, *arguments]


def test_the_selected_stack_counts(checkout: Checkout) -> None:
    (checkout.root / "workspace.json").write_text('{\n    "stack": "organization/socle/pr-7"\n}')
    assert checkout.run("up") == [checkout.generated, "up"]
    assert checkout.run("up", PULUMI_STACK="local")[0] == f"--config-file={checkout.copy}"
    assert checkout.run("up", cwd=checkout.root / "checkout" / "sub")[0] == checkout.generated


@pytest.mark.parametrize(
    "arguments",
    [
        ["version"],
        ["stack", "output", "-s", "pr-7"],
        ["up", "-s", "pr-7", "--config-file", "mine.yaml"],
        ["up", "-s", "pr-7", "--config-file=mine.yaml"],
        ["config", "set", "x", "1", "-s", "local"],
        ["up"],
        ["-C", "/", "up", "-s", "pr-7"],
        ["up", "--set", "a b", "it's", "$HOME"],
    ],
    ids=" ".join,
)
def test_the_rest_passes_untouched(checkout: Checkout, arguments: list[str]) -> None:
    assert checkout.run(*arguments) == arguments


def test_another_project_is_left_alone(checkout: Checkout) -> None:
    assert checkout.run("up", "-s", "pr-7", cwd=checkout.root) == ["up", "-s", "pr-7"]


def test_a_run_gets_a_copy_of_the_committed_file_as_it_is_now(checkout: Checkout) -> None:
    for settings in (SETTINGS, "config: {}\n"):
        checkout.stack("local").write_text(settings)
        assert checkout.run("up", "-s", "local") == [f"--config-file={checkout.copy}", "up", "-s", "local"]
        assert checkout.copy.read_text() == settings


def test_a_file_that_names_its_secrets_provider_is_the_clis(checkout: Checkout) -> None:
    checkout.stack("local").write_text("secretsprovider: awskms://alias/socle\n" + SETTINGS)
    assert checkout.run("up", "-s", "local") == ["up", "-s", "local"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["stack", "init", "local"],
        ["stack", "rm", "local", "-y"],
        ["stack", "rm", "-s", "local"],
        ["destroy", "--remove", "-s", "local"],
    ],
    ids=" ".join,
)
def test_the_committed_file_outlives_its_stack(checkout: Checkout, arguments: list[str]) -> None:
    checkout.run(*arguments)
    assert checkout.stack("local").read_text() == SETTINGS
    assert not list((checkout.root / "stacks").glob("run/*.yaml.*"))


def test_making_a_pull_requests_stack_leaves_no_file(checkout: Checkout) -> None:
    checkout.run("stack", "init", "pr-7")
    assert not checkout.stack("pr-7").exists()


def test_a_toolchain_that_is_gone_says_what_to_do(checkout: Checkout) -> None:
    (checkout.root / "real").unlink()
    result = subprocess.run([checkout.root / "wrapper", "up"], capture_output=True, text=True, check=False)
    assert result.returncode == 127
    assert "make up" in result.stderr
