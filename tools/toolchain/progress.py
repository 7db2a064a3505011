"""What people see while something takes minutes: one live line on a terminal, a line every half minute in a log."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

_LOG_EVERY_S = 30.0


def say(line: str) -> None:
    """One line of ours on stderr; stdout belongs to what a command was asked for."""
    print(f"socle: {line}", file=sys.stderr, flush=True)


class Progress:
    """The state of one long step: `title`, the seconds it is expected to take, and a detail that changes."""

    def __init__(self, title: str, expected_s: float) -> None:
        self._title = title
        self._expected_s = expected_s
        self._started = time.monotonic()
        self._logged = self._started
        self._detail = ""
        self._live = sys.stderr.isatty()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started

    def line(self) -> str:
        """`the Pulumi CLI · 1:02 of at most about 6:30 · 512 packages compiled`."""
        parts = [self._title, f"{clock(self.elapsed_s)} of at most about {clock(self._expected_s)}", self._detail]
        return " · ".join(part for part in parts if part)

    def detail(self, text: str) -> None:
        """Note what is being done now; in a log, say so now and then."""
        self._detail = text
        if not self._live and time.monotonic() - self._logged >= _LOG_EVERY_S:
            self._logged = time.monotonic()
            say(self.line())

    @contextlib.contextmanager
    def shown(self) -> Iterator[Progress]:
        """Show the step while the block runs, and one line with its time when it ends well."""
        if self._live:
            from rich.console import Console  # imported here: a warm command never needs it
            from rich.live import Live
            from rich.spinner import Spinner

            spinner = Spinner("dots")

            def render() -> Spinner:
                spinner.update(text=self.line())
                return spinner

            with Live(get_renderable=render, console=Console(stderr=True), refresh_per_second=4, transient=True):
                yield self
        else:
            say(f"{self._title}: started, at most about {clock(self._expected_s)}")
            yield self
        say(f"{self._title}: done in {clock(self.elapsed_s)}")


def clock(seconds: float) -> str:
    """Minutes and seconds as `1:05`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
