"""Building, with a `go` that is a shell script: what is kept, what is not, who waits, what a closed network says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import machine, paths
from tools.errors import ToolError
from tools.toolchain import build, compiler, faults, go, locks, progress
from tools.toolchain.versions import MODULES, PARTS

# Writes the file that follows -o, as `go build` does.
BUILDS = 'while [ "$1" != -o ]; do shift; done; echo internal/abi >&2; echo program >"$2"; chmod +x "$2"'


@pytest.fixture
def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `go` that `build` finds; a test writes what it does."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(machine, "require_disk", lambda *_: None)
    binary = tmp_path / "go"
    monkeypatch.setattr(go, "find", lambda _minimum: binary)
    return binary


def does(fake: Path, body: str) -> None:
    fake.write_text(f"#!/bin/sh\n{body}\n")
    fake.chmod(0o755)


def test_a_part_is_built_once(fake_go: Path) -> None:
    does(fake_go, f"echo x >>{fake_go}.runs; {BUILDS}")
    assert [build.build("random").read_text() for _ in range(2)] == ["program\n"] * 2
    assert Path(f"{fake_go}.runs").read_text() == "x\n"
    assert sorted(each.name for each in build.path("random").parent.iterdir()) == [
        ".pulumi-resource-random.stamp",
        "pulumi-resource-random",
    ]


def test_a_program_without_its_stamp_is_not_taken(fake_go: Path) -> None:
    does(fake_go, BUILDS)
    half = build.path("random")
    half.parent.mkdir(parents=True)
    half.write_text("half a prog")
    assert not build.is_built("random")
    assert build.build("random").read_text() == "program\n"


def test_a_failed_build_leaves_no_program_and_the_next_one_clears_up(fake_go: Path) -> None:
    does(fake_go, 'while [ "$1" != -o ]; do shift; done; echo half >"$2"; echo "x.go:1:1: syntax error" >&2; exit 1')
    with pytest.raises(ToolError, match="syntax error"):
        build.build("random")
    assert not build.path("random").exists()
    left = build.path("random").with_name(".pulumi-resource-random.unfinished-1")
    left.write_text("of a killed one")
    does(fake_go, BUILDS)
    build.build("random")
    assert not left.exists()


def test_changed_module_files_build_anew(fake_go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    does(fake_go, BUILDS)
    build.build("random")
    stamp = build.path("random").with_name(".pulumi-resource-random.stamp")
    stamp.write_text("of other files")
    assert not build.is_built("random")


def test_no_network_is_one_message(fake_go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "https://me:secret@mirror.example")
    does(
        fake_go,
        f"echo x >>{fake_go}.runs\n"
        'echo "go: a@v1: Get https://me:secret@mirror.example/a: dial tcp: lookup mirror: no such host" >&2\n'
        "exit 1",
    )
    with pytest.raises(ToolError) as caught:
        build.build("random")
    message = str(caught.value)
    assert "https://mirror.example" in message
    assert "no such host" in message
    assert "docs/offline.md" in message
    assert "secret" not in message
    assert Path(f"{fake_go}.runs").read_text() == "x\n", "what won't pass is not tried again"


def test_a_passing_fault_is_tried_again(fake_go: Path, capsys: pytest.CaptureFixture[str]) -> None:
    does(
        fake_go,
        f'[ -e {fake_go}.2 ] && {{ echo ok; exit 0; }}; touch {fake_go}.2; echo "read: i/o timeout" >&2; exit 1',
    )
    pauses: list[float] = []
    assert compiler.run(fake_go, ["version"], fake_go.parent, "it", pause=pauses.append) == "ok\n"
    assert len(pauses) == 1
    assert "trying again" in capsys.readouterr().err


def test_passing_faults_that_do_not_pass_end(fake_go: Path) -> None:
    does(fake_go, 'echo "unexpected EOF" >&2; exit 1')
    with pytest.raises(ToolError, match="3 times"):
        compiler.run(fake_go, [], fake_go.parent, "it", pause=lambda _: None)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("write /x: no space left on device", "disk became full"),
        ("compile: signal: killed", "want of memory"),
        ("a.go:3: undefined: b", "undefined: b"),
        ("reading https://p/x.zip: 403 Forbidden", "403 Forbidden"),
        ("module lookup disabled by GOPROXY=off", "GOPROXY=off"),
    ],
)
def test_each_fault_has_its_message(said: str, expected: str) -> None:
    assert expected in str(faults.explain("it", said, 1, {}))


def test_the_second_builder_waits_and_says_for_whom(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tools.toolchain.locks import held\n"
        f"with held(Path({str(tmp_path / 'a.lock')!r}), 'building it', print):\n"
        "    print('mine', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=paths.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None and first.stdin is not None
        assert first.stdout.readline() == "mine\n"
        said: list[str] = []

        def say(line: str) -> None:
            said.append(line)
            first.communicate("\n")

        with locks.held(tmp_path / "a.lock", "building it", say):
            assert first.poll() == 0
    assert f"process {first.pid}, which is building it" in said[0]


@pytest.mark.parametrize("part", PARTS.values(), ids=lambda part: part.name)
def test_each_part_has_a_module_whose_sums_are_committed(part: object) -> None:
    folder = PARTS[part.name].folder  # type: ignore[attr-defined]
    assert folder.parent == MODULES
    assert (folder / "go.sum").read_text().count("h1:") > 1
    assert go.needed(folder) >= (1, 24)


def test_go_runs_with_the_caches_of_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "cache" / "socle").mkdir(parents=True)
    (tmp_path / "cache" / "socle" / "go").symlink_to(real)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    environ = go.environment()
    assert environ["GOMODCACHE"] == str(real / "mod")
    assert environ["GOTOOLCHAIN"] == "local"
    assert environ["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    ("said", "numbers"), [("go1.26.8", (1, 26, 8)), ("1.26", (1, 26)), ("devel +abc", ()), ("", ())]
)
def test_go_versions(said: str, numbers: tuple[int, ...]) -> None:
    assert go.parse(said) == numbers


def test_progress_reads_well() -> None:
    step = progress.Progress("the Pulumi CLI", 390)
    step.detail("512 of at most 1900 packages")
    assert step.line() == "the Pulumi CLI · 0:00 of at most about 6:30 · 512 of at most 1900 packages"
