"""Which Pulumi and which plugin is taken, on machines made of empty folders and small scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.errors import ToolError
from tools.toolchain import build, network, plugins, pulumi, search_path
from tools.toolchain.versions import PARTS


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty machine: home, cache and PATH of its own, no network."""
    for variable in ("PULUMI_HOME", "PULUMI_BACKEND_URL", "SOCLE_ACTIVE", "SOCLE_TOOLCHAIN"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SOCLE_HOME", str(tmp_path / "socle"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(network, "_ask", lambda: False)
    return tmp_path


def script(path: Path, body: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def pretend_built(name: str) -> Path:
    """A part as `build` leaves it."""
    part = PARTS[name]
    program = script(build.path(name))
    program.with_name(f".{program.name}.stamp").write_text(part.fingerprint())
    return program


def users_pulumi(machine: Path, version: str) -> Path:
    script(machine / "bin" / "pulumi-language-python")
    return script(machine / "bin" / "pulumi", f"echo {version}")


def test_a_users_pulumi_comes_first(machine: Path) -> None:
    pretend_built("cli")
    pretend_built("language-host")
    binary = users_pulumi(machine, "v3.251.0")
    assert pulumi.ensure() == pulumi.Pulumi(source="path", binary=binary)


def test_a_users_pulumi_that_is_too_old_is_passed_by_with_a_word(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built = pretend_built("cli")
    pretend_built("language-host")
    users_pulumi(machine, "v3.199.9")
    assert pulumi.ensure() == pulumi.Pulumi(source="build", binary=built)
    assert "older than 3.200.0" in capsys.readouterr().err


def test_a_users_pulumi_without_a_language_host_is_passed_by(machine: Path) -> None:
    built = pretend_built("cli")
    pretend_built("language-host")
    script(machine / "bin" / "pulumi", "echo v3.251.0")
    assert pulumi.ensure().binary == built


def test_the_version_is_asked_once(machine: Path) -> None:
    binary = script(machine / "bin" / "pulumi", f"echo x >> {machine}/asked; echo v3.251.0")
    assert [pulumi.version_of(binary) for _ in range(3)] == [(3, 251, 0)] * 3
    assert (machine / "asked").read_text() == "x\n"


def test_what_socle_put_on_path_is_not_the_users(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = pretend_built("cli")
    wrapper = script(machine / "elsewhere" / ".socle" / "bin" / "pulumi", f"# {search_path.WRAPPER_MARK}")
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{ours.parent}:/usr/bin")
    assert search_path.find("pulumi", os.environ["PATH"]) is None


@pytest.mark.parametrize("word", ["path", "release"])
def test_a_forced_source_that_is_not_there_is_an_error(
    machine: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    pretend_built("cli")
    pretend_built("language-host")
    monkeypatch.setenv("SOCLE_TOOLCHAIN", word)
    with pytest.raises(ToolError, match=f"SOCLE_TOOLCHAIN={word}"):
        pulumi.ensure()


def test_a_forced_source_must_be_one(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCLE_TOOLCHAIN", "dwonload")
    with pytest.raises(ToolError, match="path, release, build"):
        pulumi.ensure()


def test_building_can_be_forced_past_a_users_pulumi(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users_pulumi(machine, "v3.251.0")
    built = pretend_built("cli")
    pretend_built("language-host")
    monkeypatch.setenv("SOCLE_TOOLCHAIN", "build")
    assert pulumi.ensure().binary == built


def test_an_unreachable_release_server_is_asked_once_a_day(machine: Path) -> None:
    asked: list[str] = []

    def ask() -> bool:
        asked.append("asked")
        return False

    assert [network.releases_reachable(ask) for _ in range(3)] == [False] * 3
    assert len(asked) == 1
    network.forget()
    assert network.releases_reachable(lambda: True)


def test_a_question_that_hangs_is_given_up() -> None:
    import threading

    assert not network.within(0.05, lambda: threading.Event().wait(5))


class TestPlugins:
    """How the plugins come to be where the CLI looks."""

    cli = pulumi.Pulumi(source="build", binary=Path("/nonexistent/pulumi"))

    @pytest.fixture
    def home(self, machine: Path) -> plugins.Home:
        return plugins.Home(path=machine / "pulumi-home", shared=False)

    def ensure(self, name: str, home: plugins.Home) -> plugins.Plugin:
        return plugins.ensure(name, home, self.cli, os.environ)

    def folder(self, name: str, home: plugins.Home) -> Path:
        return home.plugins / f"resource-{name}-v{plugins.sdk_version(name)}"

    def test_a_built_one_is_placed_under_the_sdks_version(self, home: plugins.Home) -> None:
        program = pretend_built("random")
        for _ in range(2):
            assert self.ensure("random", home) == plugins.Plugin(name="random")
        assert (self.folder("random", home) / "pulumi-resource-random").resolve() == program.resolve()
        assert [each.name for each in home.plugins.iterdir()] == [self.folder("random", home).name]

    def test_versions_that_a_state_was_made_with_are_placed_too(self, home: plugins.Home, machine: Path) -> None:
        pretend_built("random")
        state = machine / "socle" / "state" / ".pulumi" / "stacks" / "socle" / "local.json"
        state.parent.mkdir(parents=True)
        state.write_text('{"type": "pulumi:providers:random", "inputs": {"version": "4.16.1"}}')
        self.ensure("random", home)
        assert (home.plugins / "resource-random-v4.16.1" / "pulumi-resource-random").exists()

    def test_the_stand_in_says_that_it_is_one(self, home: plugins.Home) -> None:
        for _ in range(2):
            assert self.ensure("postgresql", home).stand_in
        assert (self.folder("postgresql", home) / plugins.MARK).exists()

    def test_a_real_plugin_is_never_touched(self, home: plugins.Home) -> None:
        real = script(self.folder("postgresql", home) / "pulumi-resource-postgresql", "echo real")
        assert not self.ensure("postgresql", home).stand_in
        assert "echo real" in real.read_text()

    def test_a_real_plugin_that_is_half_installed_is_not_one(self, home: plugins.Home) -> None:
        script(self.folder("postgresql", home) / "pulumi-resource-postgresql")
        Path(f"{self.folder('postgresql', home)}.partial").touch()
        assert self.ensure("postgresql", home).stand_in

    def test_a_plugin_on_path_is_used(self, home: plugins.Home, machine: Path) -> None:
        script(machine / "bin" / "pulumi-resource-postgresql")
        assert not self.ensure("postgresql", home).stand_in
        assert not home.plugins.exists()

    def test_a_plugin_of_the_users_own_home_is_linked(self, home: plugins.Home, machine: Path) -> None:
        folder = self.folder("postgresql", home)
        script(machine / ".pulumi" / "plugins" / folder.name / "pulumi-resource-postgresql")
        assert not self.ensure("postgresql", home).stand_in
        assert folder.is_dir() and not folder.is_symlink(), "the CLI passes by linked folders"
        assert (folder / "pulumi-resource-postgresql").exists()

    def test_the_stand_in_gives_way_once_the_real_one_can_be_had(
        self, home: plugins.Home, machine: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = self.folder("postgresql", home)
        assert self.ensure("postgresql", home).stand_in
        network.forget()
        monkeypatch.setattr(network, "_ask", lambda: True)
        real = folder / "pulumi-resource-postgresql"
        cli = script(machine / "cli", f"mkdir -p {folder} && echo $@ >{real}")
        plugin = plugins.ensure("postgresql", home, pulumi.Pulumi(source="build", binary=cli), os.environ)
        assert not plugin.stand_in
        assert real.read_text() == f"plugin install resource postgresql {plugins.sdk_version('postgresql')}\n"

    def test_the_stand_in_stays_when_the_download_fails(
        self, home: plugins.Home, machine: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.ensure("postgresql", home).stand_in
        network.forget()
        monkeypatch.setattr(network, "_ask", lambda: True)
        cli = script(machine / "cli", "echo error: 403 >&2; exit 1")
        assert plugins.ensure("postgresql", home, pulumi.Pulumi(source="build", binary=cli), os.environ).stand_in
        assert (self.folder("postgresql", home) / plugins.MARK).exists()

    def test_nothing_is_placed_in_a_home_of_the_users(self, machine: Path) -> None:
        home = plugins.Home(path=machine / ".pulumi", shared=True)
        plugin = self.ensure("postgresql", home)
        assert plugin.stand_in
        assert plugin.folder is not None and (plugin.folder / "pulumi-resource-postgresql").exists()
        assert not home.path.exists()

    def test_a_long_build_is_never_begun_unasked(self, home: plugins.Home) -> None:
        with pytest.raises(ToolError, match="make aws-plugin"):
            self.ensure("aws", home)
