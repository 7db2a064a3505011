"""The variables for running pulumi, and who set them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tools import paths
from tools.toolchain import environment, plugins


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOCLE_HOME", str(tmp_path / "a home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "a home"


def variables(environ: dict[str, str]) -> dict[str, str]:
    return environment.variables(
        environ, environment.home(environ), paths.cache() / "toolchain" / "pulumi-1" / "pulumi", []
    )


def test_a_fresh_machine_gets_state_and_passphrase_of_its_own(home: Path) -> None:
    values = variables({"PATH": "/usr/bin"})
    assert values["PULUMI_BACKEND_URL"] == f"file://{home}/state?metadata=skip"
    passphrase = Path(values["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert passphrase.stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert len(passphrase.read_text()) == 44
    assert values["PATH"] == f"{home}/bin:{paths.VENV}/bin:{paths.cache()}/toolchain/pulumi-1:/usr/bin"


def test_the_passphrase_is_made_once(home: Path) -> None:
    first, second = (Path(variables({})["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text() for _ in range(2))
    assert first == second
    assert [file.name for file in home.iterdir() if "passphrase" in file.name] == ["passphrase"]


@pytest.mark.parametrize(
    "theirs", [{"PULUMI_CONFIG_PASSPHRASE": ""}, {"PULUMI_CONFIG_PASSPHRASE_FILE": "/run/secrets/p"}]
)
def test_a_passphrase_of_the_users_is_left_alone(home: Path, theirs: dict[str, str]) -> None:
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in variables(theirs)
    assert not (home / "passphrase").exists()


def test_a_backend_of_the_users_is_left_alone_with_the_login_to_it(home: Path) -> None:
    environ = {"PULUMI_BACKEND_URL": "s3://states", "HOME": "/nowhere"}
    values = variables(environ)
    assert "PULUMI_BACKEND_URL" not in values
    assert environment.home(environ) == plugins.Home(path=Path.home() / ".pulumi", shared=True)


def test_a_home_of_the_users_is_shared(home: Path) -> None:
    assert environment.home({"PULUMI_HOME": "/their/home"}) == plugins.Home(path=Path("/their/home"), shared=True)


def test_our_own_variables_coming_back_are_not_the_users(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = variables({"PATH": "/usr/bin"})
    assert variables(shell) == shell
    monkeypatch.setenv("SOCLE_HOME", str(home.with_name("another")))
    values = variables(shell)
    assert values["PULUMI_BACKEND_URL"] == f"file://{home.with_name('another')}/state?metadata=skip"
    assert str(home) not in values["PATH"]


def test_exports_survive_the_shell(tmp_path: Path) -> None:
    nasty = {"A": 'it\'s $HOME `x` "q"', "B": "a b\nc"}
    script = environment.exports(nasty) + "exec env -0\n"
    printed = subprocess.run(["sh", "-c", script], capture_output=True, check=True, env={"PATH": os.defpath}).stdout
    assert {f"{name}={value}".encode() for name, value in nasty.items()} <= set(printed.split(b"\0"))
