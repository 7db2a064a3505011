"""Whether the official releases can be reached: asked once with a short time-out, and the answer kept for a day."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tools import paths

RELEASES = "https://get.pulumi.com/latest-version"
"""A file of a few bytes on the server that has the CLI's releases and, as the CLI's second source, the plugins."""

TIMEOUT_S = 3.0
_REMEMBER_NO_S = 24 * 3600.0
_REMEMBER_YES_S = 600.0
"""A yes is soon doubted: acting on a stale one ends in an error, acting on a stale no in what works offline."""


def releases_reachable(ask: Callable[[], bool] | None = None) -> bool:
    """Whether releases can be downloaded here; takes at most `TIMEOUT_S`, and nothing while the last answer holds."""
    remembered = _remembered()
    if remembered is None:
        remembered = within(TIMEOUT_S, ask or _ask)
        _remember(remembered)
    return remembered


def forget() -> None:
    """Ask anew next time; for a machine that has just got, or lost, its network."""
    _memory().unlink(missing_ok=True)


def within(seconds: float, ask: Callable[[], bool]) -> bool:
    """What `ask` answers, or False when it takes longer than `seconds` or raises.

    A thread, because no time-out of an HTTP client covers the look-up of the name, which alone may take minutes.
    """
    answer: list[bool] = []

    def run() -> None:
        with contextlib.suppress(Exception):
            answer.append(ask())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answer and answer[0])


def _ask() -> bool:
    import httpx  # imported here: a warm command never needs it

    # A closed network may answer anything with a page of its own, so the answer must look like a version.
    response = httpx.get(RELEASES, timeout=TIMEOUT_S, follow_redirects=True)
    return response.status_code == 200 and response.text.strip().removeprefix("v")[:1].isdigit()


def _memory() -> Path:
    return paths.cache() / "toolchain" / "releases-reachable.json"


def _remembered() -> bool | None:
    try:
        stored = json.loads(_memory().read_text())
        reachable, age = bool(stored["reachable"]), time.time() - float(stored["asked"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return reachable if 0 <= age < (_REMEMBER_YES_S if reachable else _REMEMBER_NO_S) else None


def _remember(reachable: bool) -> None:
    _memory().parent.mkdir(parents=True, exist_ok=True)
    unfinished = _memory().with_suffix(".unfinished")
    unfinished.write_text(json.dumps({"reachable": reachable, "asked": time.time()}))
    unfinished.replace(_memory())
