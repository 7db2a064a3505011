"""Runs `go`, counting what it does, trying again over passing faults of the network."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.toolchain import faults, go
from tools.toolchain.progress import say

ATTEMPTS = 3
_PAUSES_S = (2.0, 8.0)


def run(
    binary: Path,
    arguments: Sequence[str],
    folder: Path,
    what: str,
    *,
    on_line: Callable[[str], None] = lambda _line: None,
    variables: Mapping[str, str] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Run `binary arguments` in `folder` and return its stdout; `on_line` gets each line of stderr as it comes.

    `variables` are set for it on top of `go.environment`'s. Raises ToolError, naming `what` was being built, when it
    fails for good; passing faults of the network are tried `ATTEMPTS` times. Go keeps what it has downloaded and
    compiled, so another try goes on from there.
    """
    for attempt in range(1, ATTEMPTS + 1):
        code, output, errors = _once(binary, arguments, folder, on_line, variables or {})
        if code == 0:
            return output
        if attempt == ATTEMPTS or not faults.is_passing(errors):
            raise faults.explain(what, errors, attempt)
        say(f"{what}: the network failed ({attempt} of {ATTEMPTS}), trying again")
        pause(_PAUSES_S[attempt - 1])
    raise AssertionError("unreachable: the last attempt returns or raises")


def _once(
    binary: Path,
    arguments: Sequence[str],
    folder: Path,
    on_line: Callable[[str], None],
    variables: Mapping[str, str],
) -> tuple[int, str, str]:
    """One run: exit code, stdout, stderr. Should this process be killed, the closed pipe soon ends `go` as well."""
    errors: list[str] = []
    with subprocess.Popen(
        [str(binary), *arguments],
        cwd=folder,
        env={**go.environment(), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None and process.stdout is not None  # noqa: S101
        try:
            for line in process.stderr:
                errors.append(line)
                on_line(line.rstrip())
            # What is asked for on stdout is one small JSON document, well below a pipe's size.
            output = process.stdout.read()
        except BaseException:
            process.terminate()
            raise
    return process.returncode, output, "".join(errors)
