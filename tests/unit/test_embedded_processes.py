"""Processes that outlive the command that started them, found again by number and start."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tools.embedded import postmaster, processes
from tools.errors import ToolError

ENV = {"PATH": os.environ["PATH"]}


def start(tmp_path: Path, program: str) -> int:
    return processes.start_detached(
        [sys.executable, "-c", program], pid_file=tmp_path / "pid", log_file=tmp_path / "log", env=ENV
    )


def test_start_find_stop(tmp_path: Path) -> None:
    pid = start(tmp_path, "import time; time.sleep(60)")
    assert processes.is_running(tmp_path / "pid")
    assert start(tmp_path, "raise SystemExit('never started twice')") == pid
    assert os.getsid(pid) == pid
    assert processes.stop(tmp_path / "pid")
    assert not processes.is_running(tmp_path / "pid")
    assert not processes.stop(tmp_path / "pid")


def test_one_that_ignores_term_is_killed(tmp_path: Path) -> None:
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    pid = start(tmp_path, program)
    while "on" not in (tmp_path / "log").read_text():
        pass
    assert processes.stop(tmp_path / "pid", timeout=0.3)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_another_process_with_the_same_number_is_not_ours(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    myself = psutil.Process()
    pid_file.write_text(json.dumps({"pid": myself.pid, "created": myself.create_time() - 3600}))
    assert processes.find(pid_file) is None
    assert not processes.stop(pid_file)  # and this process lives on


@pytest.mark.parametrize("content", ["", "12", "{}", '{"pid": 1}', "not json"])
def test_a_damaged_file_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "pid").write_text(content)
    assert processes.find(tmp_path / "pid") is None


def test_one_that_ends_at_once_says_why(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no such setting"):
        start(tmp_path, "raise SystemExit('no such setting')")
    assert not (tmp_path / "pid").exists()


def test_the_last_runs_log_is_kept(tmp_path: Path) -> None:
    for word in ("first", "second"):
        with pytest.raises(ToolError):
            start(tmp_path, f"raise SystemExit('{word}')")
    assert "second" in (tmp_path / "log").read_text()
    assert "first" in (tmp_path / "log.1").read_text()


def test_a_postmaster_file_left_by_a_reboot_names_nobody(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n")
    assert postmaster.running(tmp_path) is None
    socket_dir = tmp_path / "run"
    socket_dir.mkdir()
    (socket_dir / ".s.PGSQL.5435.lock").write_text(f"{os.getpid()}\n")
    postmaster.clear_stale(tmp_path, socket_dir)
    assert not (tmp_path / "postmaster.pid").exists()
    assert list(socket_dir.iterdir()) == []
    os.kill(os.getpid(), signal.SIGCONT)  # nothing was sent here


@pytest.mark.parametrize("content", ["", "\n", "x\n", "0\n"])
def test_a_damaged_postmaster_file_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "postmaster.pid").write_text(content)
    assert postmaster.recorded_pid(tmp_path) is None
