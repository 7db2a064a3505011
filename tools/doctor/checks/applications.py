"""Does each application run, and with the variables that are current? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tools.doctor import typed
from tools.doctor.checks.pods import pod_finding
from tools.doctor.facts import ApplicationFacts, Facts, Unseen, Workload
from tools.doctor.finding import About, Finding, Subject


def check(facts: Facts) -> Iterator[Finding]:
    """For each application that runs in the cluster its Deployment and pods."""
    for application in facts.applications:
        if isinstance(application, Unseen):
            yield About(subject=Subject.APPLICATION, check="application", looked_at="its objects").unseen(
                application.why
            )
        elif application.wanted.workload and application.namespace_labels is not None:
            yield from _workload(facts, application)


def _workload(facts: Facts, application: ApplicationFacts) -> Iterator[Finding]:
    its, found = application.wanted, application.workload
    about = About(
        subject=Subject.APPLICATION, check="workload", name=its.name,
        looked_at=f"Deployment {its.namespace}/{its.name}",
    )  # fmt: skip
    if isinstance(found, Unseen):
        yield about.unseen(found.why)
    elif found is None:
        yield about.fault("it is not there", "the application does not run", typed.make("up", facts.wanted))
    elif found.available < found.wanted:
        yield from _unavailable(facts, about, found)
    else:
        yield about.ok(f"{found.available} of {found.wanted} available")
        yield from _roll_out(facts, about, found)
        yield from _variables(facts, application, found)


def _unavailable(facts: Facts, about: About, found: Workload) -> Iterator[Finding]:
    troubled = [one for pod in found.pods if (one := pod_finding(about, facts.wanted, pod))]
    yield from troubled
    if not troubled:
        described = typed.describe(
            facts.wanted, about.looked_at.split(" ")[1].split("/")[0], f"deployment {about.name}"
        )
        said = f"{found.available} of {found.wanted} available"
        yield about.fault(f"{said}: {found.message}".rstrip(": "), "the application does not answer", described)


def _roll_out(facts: Facts, about: About, found: Workload) -> Iterator[Finding]:
    """Pods that would replace those that answer, and can't start."""
    for pod in found.pods:
        if (pod.waiting or pod.unschedulable) and (one := pod_finding(about, facts.wanted, pod)):
            why = "a roll-out stands still; the former pods answer"
            yield about.warning(one.found, why, one.next, one.detail)


def _variables(facts: Facts, application: ApplicationFacts, found: Workload) -> Iterator[Finding]:
    its = application.wanted
    older = [pod.name for pod in found.pods if pod.ready and pod.checksum and pod.checksum != found.checksum]
    if found.checksum and older:
        about = About(
            subject=Subject.APPLICATION, check="variables", name=its.name, looked_at="what its pods were started with"
        )
        restart = typed.kubectl(facts.wanted, its.namespace, f"rollout restart deployment {its.name}")
        yield about.warning(
            f"{', '.join(older)}: older variables than its Secrets", "they take new ones at a start", restart
        )
