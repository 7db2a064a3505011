"""The drill: restore into a throw-away cluster, prove it, read every database, report, remove."""

from __future__ import annotations

import dataclasses
import datetime as dt
import signal
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from restoring import proof, server, verdict
from restoring.plan import Drill
from restoring.proof import ShortError, UnansweredError
from restoring.throw_away import ClusterFailedError, ThrowAway
from restoring.verdict import Reached

REMOVAL_SECONDS = 300


class EndedError(Exception):
    """Kubernetes ended the drill: its time was over, or its node goes."""


def run(drill: Drill, parameters: Mapping[str, Any], say: Callable[[str], None]) -> bool:
    """Whether the restore was good. The throw-away cluster is gone and the ConfigMap written, whatever came of it."""
    signal.signal(signal.SIGTERM, _end)
    cluster = ThrowAway(drill.cluster, say)
    began, started = dt.datetime.now(dt.UTC), time.monotonic()
    reached: Reached | None = None
    wrong: list[str] = []
    try:
        reached, wrong = _tried(drill, began, cluster, parameters)
    except (ShortError, UnansweredError, ClusterFailedError, EndedError) as error:
        wrong = [str(error)]
    except Exception as error:
        # Whatever it is, a drill that says nothing would be taken for one that wasn't due.
        wrong = [f"{type(error).__name__}: {error}"]
        raise
    finally:
        found = result(began, time.monotonic() - started, reached, wrong)
        say(found["message"])
        try:
            cluster.report(drill.report, found)
        finally:
            cluster.remove(REMOVAL_SECONDS)
    return not wrong


def result(began: dt.datetime, seconds: float, reached: Reached | None, wrong: list[str]) -> dict[str, str]:
    """What the ConfigMap says. Pure."""
    heartbeat = reached.heartbeat if reached else None
    return {
        "result": "failed" if wrong else "good",
        "began": verdict.moment(began),
        "seconds": f"{seconds:.0f}",
        "heartbeat": verdict.moment(heartbeat.at) if heartbeat else "",
        "message": "\n".join(wrong) or f"The restore is good: {reached}.",
    }


def _tried(
    drill: Drill, began: dt.datetime, cluster: ThrowAway, parameters: Mapping[str, Any]
) -> tuple[Reached, list[str]]:
    restore = dataclasses.replace(drill.restore, began=began)
    proof.before(restore)
    cluster.make(drill.timeout_seconds)
    reached = proof.after(restore, parameters)
    found = [verdict.stale(reached, began, drill.freshness_seconds)]
    found += [server.unreadable(name, query, parameters) for name, query in drill.databases.items()]
    return reached, [one for one in found if one]


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    # Once: what removes the cluster must not be ended by a second one.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise EndedError("the drill was ended before it was done")
