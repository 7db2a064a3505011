"""Seed 001, “Secret non synchronisé”: objects that bring Secrets from elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tools.doctor import typed
from tools.doctor.facts import Facts, Synced, Unseen, Wanted
from tools.doctor.finding import About, Finding, Subject

INFISICAL = "infisicalsecrets"
_RESTARTS = "AutoRedeploy"
"""Of Infisical: whether Deployments are restarted, which nobody has to want."""


def check(facts: Facts) -> Iterator[Finding]:
    """Each InfisicalSecret, ExternalSecret and PushSecret there is; nothing where there is none."""
    if isinstance(facts.synced, Unseen):
        about = About(subject=Subject.SERVER, check="secret-sync", looked_at="InfisicalSecrets, ExternalSecrets")
        yield about.unseen(facts.synced.why)
        return
    for one in facts.synced:
        yield _one(facts, one)


def _one(facts: Facts, one: Synced) -> Finding:
    owner = next((app.name for app in facts.wanted.applications if app.namespace == one.namespace), "")
    about = About(
        subject=Subject.APPLICATION if owner else Subject.SERVER, check="secret-sync", name=owner,
        looked_at=f"{one.kind} {one.namespace}/{one.name}",
    )  # fmt: skip
    counted = [condition for condition in one.conditions if _RESTARTS not in condition.type]
    failed = [condition for condition in counted if condition.status == "False"]
    command = _again(facts.wanted, one)
    if failed:
        said = "; ".join(f"{bad.type}: {bad.reason} {bad.message}".strip() for bad in failed)
        return about.fault(f"not synchronised: {said}", "the Secret is missing, or older than its source", command)
    if not counted:
        return about.warning("no condition yet", "its operator has not looked at it, or doesn't run", command)
    return about.ok("synchronised")


def _again(wanted: Wanted, one: Synced) -> str:
    word = "reconcile" if one.kind == INFISICAL else "force-sync"
    return typed.kubectl(wanted, one.namespace, f"annotate {one.kind} {one.name} --overwrite {word}={typed.NOW}")
