"""Asks the store and the server, and judges. What doesn't answer is asked for a while, then nothing is proven."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from restoring import archive, server, verdict
from restoring.archive import StoreError
from restoring.plan import Restore
from restoring.verdict import Reached

PATIENCE_SECONDS = 60
"""How long a store or a server that doesn't answer is asked again."""
_PAUSE_SECONDS = 3
T = TypeVar("T")


class ShortError(Exception):
    """The restore isn't proven to have reached its target: the target, and how far it came."""


class UnansweredError(Exception):
    """The store or the server didn't answer, so nothing is known."""


def before(restore: Restore) -> None:
    """Raises ShortError where the restore can't reach its target, UnansweredError where the store doesn't answer."""
    found = _answer(lambda: archive.read(restore.store, restore.server_name))
    others = [] if found.backups else _answer(lambda: archive.servers(restore.store))
    if reason := verdict.impossible(restore, found, others):
        raise ShortError(f"this restore was not begun: {reason}.")


def after(restore: Restore, parameters: Mapping[str, Any]) -> Reached:
    """How far the server came. Raises ShortError, UnansweredError."""
    reached = _answer(lambda: server.reached(restore.server_name, parameters))
    try:
        found = _answer(lambda: archive.read(restore.store, restore.server_name))
    except UnansweredError as error:
        raise UnansweredError(f"{error}. So the restore is not proven; {reached}.") from None
    if reason := verdict.short(restore, found, reached):
        raise ShortError(f"THE RESTORE FELL SHORT: {reason}; {reached}.")
    return reached


def _answer(ask: Callable[[], T]) -> T:
    import psycopg

    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except (StoreError, psycopg.OperationalError) as error:
            if time.monotonic() > end:
                raise UnansweredError(" ".join(str(error).split())) from None
        time.sleep(_PAUSE_SECONDS)
