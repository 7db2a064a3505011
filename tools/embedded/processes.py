"""Start a program that outlives this one, and find it again later without mistaking another process for it."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tools.embedded.account import Account
from tools.errors import ToolError

CLOCK_SLACK = 5.0
"""Seconds by which a process's start may seem to move: it is derived from a boot time that follows the clock."""
SETTLE = 0.15
"""Seconds after which a program that can't start at all has usually ended."""


@dataclass(frozen=True)
class Identity:
    """A process for good: its number is given to others once it ends, its number and start together are not."""

    pid: int
    created: float
    """Seconds since the epoch."""


def start_detached(
    command: Sequence[str],
    *,
    pid_file: Path,
    log_file: Path,
    env: Mapping[str, str],
    account: Account | None = None,
    cwd: Path | None = None,
) -> int:
    """Start `command` in a session of its own and return its process number; a no-op if it runs already.

    Output goes to `log_file`, the last run's to `<log_file>.1`. `env` is the whole environment: nothing of the
    caller's leaks into a server. Raises ToolError with the last lines of the log if it ends at once.
    """
    running = find(pid_file)
    if running is not None:
        return running.pid
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    _rotate(log_file)
    with log_file.open("ab") as log:
        log_file.chmod(0o600)
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            **(account.run_as() if account else {}),
        )
    try:
        identity = Identity(child.pid, psutil.Process(child.pid).create_time())
        _write(pid_file, identity)
        code = child.wait(SETTLE)
    except subprocess.TimeoutExpired:
        # Whoever started it is its parent for as long as this command runs, and has to reap it should it end.
        threading.Thread(target=child.wait, daemon=True).start()
        return child.pid
    except psutil.Error:
        code = child.wait()
    pid_file.unlink(missing_ok=True)
    raise ToolError(
        f"{Path(command[0]).name} ended at once (exit {code}):\n{tail(log_file)}", f"The log is {log_file}."
    )


def find(pid_file: Path) -> psutil.Process | None:
    """The process that `pid_file` names, or None if it has ended, whoever has its number now."""
    try:
        recorded = Identity(**json.loads(pid_file.read_text(encoding="utf-8")))
        process = psutil.Process(recorded.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process if abs(process.create_time() - recorded.created) < CLOCK_SLACK else None
    except (FileNotFoundError, ValueError, TypeError, psutil.Error):
        return None


def is_running(pid_file: Path) -> bool:
    """Whether the process that `pid_file` names is alive."""
    return find(pid_file) is not None


def stop(pid_file: Path, *, timeout: float = 15.0) -> bool:
    """Ask the process to end, after `timeout` seconds make it; True if there was one. The file is removed."""
    process = find(pid_file)
    if process is not None:
        end([process], timeout=timeout)
    pid_file.unlink(missing_ok=True)
    return process is not None


def end(processes: Sequence[psutil.Process], *, timeout: float) -> None:
    """TERM, then KILL for those still there after `timeout` seconds."""
    for process in processes:
        _signal(process, gently=True)
    _, alive = psutil.wait_procs(processes, timeout=timeout)
    for process in alive:
        _signal(process, gently=False)
    psutil.wait_procs(alive, timeout=5)


def tail(log_file: Path, lines: int = 15) -> str:
    """The last lines of a log, indented for a message; empty if there is none."""
    try:
        text = log_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def wait_for_end(process: psutil.Process, timeout: float) -> bool:
    """Whether the process ended within `timeout` seconds; one that nobody reaps counts as ended."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def _signal(process: psutil.Process, *, gently: bool) -> None:
    try:
        process.terminate() if gently else process.kill()
    except psutil.NoSuchProcess:
        return


def _rotate(log_file: Path) -> None:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    if log_file.exists():
        log_file.replace(log_file.with_name(log_file.name + ".1"))


def _write(pid_file: Path, identity: Identity) -> None:
    partial = pid_file.with_name(pid_file.name + ".partial")
    partial.write_text(json.dumps(asdict(identity)), encoding="utf-8")
    partial.replace(pid_file)
