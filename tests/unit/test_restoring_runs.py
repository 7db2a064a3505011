"""What a proof and a drill do with answers, refusals and interruptions; store, server and cluster are made up."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from restoring import __main__ as command
from restoring import archive, drilling, plan, proof, server
from restoring.archive import Archive, Archived, Backup, StoreError
from restoring.plan import VARIABLE, Drill, Restore
from restoring.proof import ShortError, UnansweredError
from restoring.segments import DEFAULT_SIZE, Left, Segment
from restoring.throw_away import ClusterFailedError
from restoring.verdict import Heartbeat, Reached

NOW = dt.datetime.now(dt.UTC)
RESTORE = {
    "destination": "s3://backups/dev", "endpoint": "", "serverName": "shared", "toleranceSeconds": 120,
    "target": {"kind": "end"}, "began": NOW.isoformat(),
}  # fmt: skip
DRILL = {
    "restore": RESTORE, "report": "shared-drill", "databases": {"app": "SELECT true"}, "timeoutSeconds": 60,
    "freshnessSeconds": 900, "cluster": {"metadata": {"name": "shared-drill", "namespace": "ns", "labels": {}}},
}  # fmt: skip
HELD = Archive(
    backups=(
        Backup(
            identity="20261121T120000", begin=NOW, end=NOW, first_segment="0" * 24, end_position=0,
            segment_size=DEFAULT_SIZE,
        ),
    ),
    segments=(Archived(segment=Segment(1, DEFAULT_SIZE), at=NOW - dt.timedelta(minutes=1)),),
)  # fmt: skip


def came(position: int = 2 * DEFAULT_SIZE) -> Reached:
    beat = Heartbeat(at=NOW - dt.timedelta(minutes=2), position="0/0")
    return Reached(heartbeat=beat, lefts=(Left(timeline=1, position=position, reason=""),))


def fail(error: Exception) -> Any:
    def failing(*_: object) -> Any:
        raise error

    return failing


class FakeCluster:
    """Remembers what was done with it."""

    made: Any = None

    def __init__(self, *_: object) -> None:
        self.done: list[str] = []
        self.reports: list[dict[str, str]] = []
        FakeCluster.made = self

    def make(self, timeout: int) -> None:
        self.done.append("make")

    def remove(self, timeout: int) -> None:
        self.done.append("remove")

    def report(self, name: str, result: dict[str, str]) -> None:
        self.done.append(f"report {name}")
        self.reports.append(result)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A store and a server with which all is well."""
    monkeypatch.setattr(proof, "PATIENCE_SECONDS", -1)
    monkeypatch.setattr(archive, "read", lambda *_: HELD)
    monkeypatch.setattr(archive, "servers", lambda *_: ["other"])
    monkeypatch.setattr(server, "reached", lambda *_: came())
    monkeypatch.setattr(server, "unreadable", lambda *_: "")
    monkeypatch.setattr(drilling, "ThrowAway", FakeCluster)
    before = signal.getsignal(signal.SIGTERM)
    yield monkeypatch
    signal.signal(signal.SIGTERM, before)


def drilled() -> tuple[bool, list[str], dict[str, str]]:
    good = drilling.run(plan.drill(DRILL), {}, lambda _: None)
    (report,) = FakeCluster.made.reports
    return good, FakeCluster.made.done, report


def test_a_restore_that_reached_its_target_says_how_far_it_came(answers: pytest.MonkeyPatch) -> None:
    assert "its log ends at 0/2000000" in str(proof.after(plan.restore(RESTORE), {}))


def test_one_that_fell_short_is_loud_and_says_how_far_it_came(answers: pytest.MonkeyPatch) -> None:
    answers.setattr(server, "reached", lambda *_: came(DEFAULT_SIZE))
    with pytest.raises(ShortError, match=r"FELL SHORT: .* its newest heartbeat is of .*, its log ends at 0/1000000"):
        proof.after(plan.restore(RESTORE), {})


def test_without_the_store_nothing_is_proven(answers: pytest.MonkeyPatch) -> None:
    answers.setattr(archive, "read", fail(StoreError("s3://backups/dev can't be read: refused")))
    with pytest.raises(UnansweredError, match=r"refused\. So the restore is not proven; its newest heartbeat is of"):
        proof.after(plan.restore(RESTORE), {})


def test_who_answers_late_is_heard(answers: pytest.MonkeyPatch) -> None:
    answers.setattr(proof, "PATIENCE_SECONDS", 60)
    answers.setattr(proof, "_PAUSE_SECONDS", 0)
    said = iter([psycopg.OperationalError("starting up"), psycopg.OperationalError("starting up"), came()])

    def late(*_: object) -> Reached:
        one = next(said)
        if isinstance(one, Exception):
            raise one
        return one

    answers.setattr(server, "reached", late)
    assert proof.after(plan.restore(RESTORE), {}) == came()


def test_a_folder_without_a_backup_is_refused_with_those_that_have_one(answers: pytest.MonkeyPatch) -> None:
    answers.setattr(archive, "read", lambda *_: Archive(backups=(), segments=()))
    with pytest.raises(ShortError, match=r"not begun: .* no finished backup of shared; there is other"):
        proof.before(plan.restore(RESTORE))


def test_a_good_drill_reports_and_leaves_nothing(answers: pytest.MonkeyPatch) -> None:
    good, done, report = drilled()
    assert (good, done, report["result"]) == (True, ["make", "report shared-drill", "remove"], "good")


@pytest.mark.parametrize(
    ("where", "what", "words"),
    [
        ((server, "reached"), lambda *_: came(DEFAULT_SIZE), "THE RESTORE FELL SHORT"),
        ((server, "unreadable"), lambda *_: "app: invalid page in block 7", "invalid page in block 7"),
        ((FakeCluster, "make"), fail(ClusterFailedError("was not healthy after 60 s")), "was not healthy"),
        ((archive, "read"), fail(StoreError("refused")), "refused"),
    ],
)
def test_a_bad_drill_reports_and_leaves_nothing(
    answers: pytest.MonkeyPatch, where: tuple[Any, str], what: Any, words: str
) -> None:
    answers.setattr(*where, what)
    good, done, report = drilled()
    assert not good
    assert done[-2:] == ["report shared-drill", "remove"]
    assert (report["result"], words in report["message"]) == ("failed", True)


def test_a_drill_that_is_ended_reports_and_leaves_nothing(answers: pytest.MonkeyPatch) -> None:
    answers.setattr(FakeCluster, "make", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    good, done, report = drilled()
    assert (good, done[-1]) == (False, "remove")
    assert "ended before it was done" in report["message"]


def test_what_nobody_thought_of_is_reported_too(answers: pytest.MonkeyPatch) -> None:
    answers.setattr(server, "reached", fail(RuntimeError("odd")))
    with pytest.raises(RuntimeError, match="odd"):
        drilling.run(plan.drill(DRILL), {}, lambda _: None)
    assert FakeCluster.made.done[-2:] == ["report shared-drill", "remove"]
    assert FakeCluster.made.reports[0]["message"] == "RuntimeError: odd"


@pytest.mark.parametrize(
    ("error", "code"), [(None, 0), (ShortError("short"), command.FELL_SHORT), (UnansweredError("silence"), 1)]
)
def test_the_exit_code_says_whether_trying_again_is_of_use(
    error: Exception | None, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps(RESTORE))
    monkeypatch.setattr(proof, "after", fail(error) if error else lambda *_: came())
    assert command.main(["after"]) == code


def test_the_exit_code_is_the_one_that_jobs_know() -> None:
    from tools.kubernetes import jobs

    assert jobs.FINAL == command.FELL_SHORT
    assert isinstance(plan.drill(DRILL), Drill) and isinstance(plan.restore(RESTORE), Restore)
