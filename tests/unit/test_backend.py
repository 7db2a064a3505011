"""What a killed run leaves in the backend: its lock and half-written files go, those of a living one stay."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest

from tools import backend, paths


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "home", lambda: tmp_path)
    root = tmp_path / "state" / ".pulumi"
    (root / "stacks" / "socle").mkdir(parents=True)
    (root / "locks" / "organization" / "socle" / "local").mkdir(parents=True)
    for name in ("local.json", "local.json.18a2.tmp", "pr-1.json.18a2.tmp"):
        (root / "stacks" / "socle" / name).write_text("{}")
    return root


def lock(root: Path, name: str, pid: int) -> None:
    folder = root / "locks" / "organization" / "socle" / "local"
    (folder / f"{name}.json").write_text(json.dumps({"pid": pid}))


def stacks(root: Path) -> set[str]:
    return {file.name for file in (root / "stacks" / "socle").iterdir()}


def test_a_dead_lock_goes_with_what_was_half_written_of_that_stack(root: Path) -> None:
    lock(root, "dead", _unused_pid())
    assert backend.remove_dead_locks("socle", "local") == 1
    assert stacks(root) == {"local.json", "pr-1.json.18a2.tmp"}
    assert backend.remove_dead_locks("socle", "local") == 0


def test_a_lock_of_a_process_that_is_no_pulumi_is_dead(root: Path) -> None:
    lock(root, "used-again", os.getpid())
    assert backend.remove_dead_locks("socle", "local") == 1


def test_while_another_pulumi_runs_nothing_it_may_be_writing_is_touched(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(root, "dead", _unused_pid())
    lock(root, "alive", os.getpid())
    monkeypatch.setattr(psutil.Process, "name", lambda self: "pulumi")
    assert backend.remove_dead_locks("socle", "local") == 1
    assert "local.json.18a2.tmp" in stacks(root)


def _unused_pid() -> int:
    return next(pid for pid in range(4_000_000, 5_000_000) if not psutil.pid_exists(pid))


def test_of_a_stack_that_is_gone_nothing_is_kept_and_of_others_all(root: Path) -> None:
    for stack in ("pr-1", "pr-12"):
        (root / "history" / "socle" / stack).mkdir(parents=True)
    (root / "stacks" / "socle" / "pr-1.json.bak").write_text("{}")
    backend.forget("socle", "pr-1")
    assert [folder.name for folder in (root / "history" / "socle").iterdir()] == ["pr-12"]
    assert stacks(root) == {"local.json", "local.json.18a2.tmp"}
    backend.forget("socle", "pr-1")
