"""Jobs that failed and are still there. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from components import names
from stacks.snapshots import cron_job
from tools.doctor import typed
from tools.doctor.facts import Facts, FailedJob, Unseen
from tools.doctor.finding import About, Finding, Subject


def check(facts: Facts) -> Iterator[Finding]:
    """Each with the end of its log."""
    about = About(subject=Subject.SERVER, check="jobs", looked_at="Jobs of the environment's namespaces")
    if isinstance(facts.jobs, Unseen):
        yield about.unseen(facts.jobs.why)
        return
    failed = [job for job in facts.jobs if not job.superseded]
    if not failed:
        yield about.ok("none has failed")
    for job in failed:
        yield _job(facts, job)


def _job(facts: Facts, job: FailedJob) -> Finding:
    for application in facts.wanted.applications:
        if cron_job(application.name) in (job.cron_job, job.name, job.name.removesuffix("-now")):
            return _snapshot(facts, job, application.name)
    about = About(subject=Subject.SERVER, check="jobs", looked_at=f"Job {job.namespace}/{job.name}")
    return about.warning(f"failed: {job.reason}", "what it was to do is not done", _again(facts, job), job.log)


def _snapshot(facts: Facts, job: FailedJob, application: str) -> Finding:
    about = About(
        subject=Subject.APPLICATION, check="snapshot-job", looked_at=f"Job {job.namespace}/{job.name}", name=application
    )
    command = typed.make("snapshot", facts.wanted, APP=application)
    return about.fault(f"its last run failed: {job.reason}", "pull requests get older data, or none", command, job.log)


def _again(facts: Facts, job: FailedJob) -> str:
    for application in facts.wanted.applications:
        for number in facts.stacks if not isinstance(facts.stacks, Unseen) else ():
            if names.pull_request_namespace(application.name, number) in (job.namespace, job.name.rpartition("-")[0]):
                return typed.make("pr", facts.wanted, PR=number)
    return typed.make("up", facts.wanted)
