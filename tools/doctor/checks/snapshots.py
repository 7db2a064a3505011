"""How old is the data that pull requests would get? Pure but for the clock."""

from __future__ import annotations

from collections.abc import Iterator

from branching.inventory import seconds_since
from branching.metadata import Content
from tools.ages import span
from tools.doctor import typed
from tools.doctor.facts import ApplicationFacts, Facts, Unseen
from tools.doctor.finding import About, Finding, Subject

_DAY = 86400


def check(facts: Facts) -> Iterator[Finding]:
    """For each application its newest snapshot, where snapshots are made."""
    if not facts.wanted.snapshot_days:
        return
    for application in facts.applications:
        if not isinstance(application, Unseen):
            yield _snapshot(facts, application)


def _snapshot(facts: Facts, application: ApplicationFacts) -> Finding:
    its, wanted, postgres = application.wanted, facts.wanted, facts.postgres
    about = About(
        subject=Subject.APPLICATION, check="snapshot", looked_at=f"snapshots of {its.database}", name=its.name
    )
    if isinstance(postgres, Unseen):
        return about.unseen(postgres.why)
    published = [one for kind in Content for one in postgres.inventory.published(its.database, kind)]
    command = typed.make("snapshot", wanted, APP=its.name)
    if not published:
        if not wanted.scheduled:
            return about.ok("none yet: the first pull request makes it")
        return about.warning("there is none", "the first pull request waits until one is built", command)
    newest = max(published, key=lambda one: one.taken_at)
    age = seconds_since(newest.taken_at)
    said = f"v{newest.version}, data of {span(age)} ago"
    if age > wanted.snapshot_days * _DAY:
        why = f"snapshots.maxAge is {wanted.snapshot_days} d; a pull request would copy old data"
        return about.warning(said, why, command)
    return about.ok(said)
