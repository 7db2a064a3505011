"""Is CloudNativePG there, and of a version that Socle knows? Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.doctor import typed
from tools.doctor.facts import Controller, Facts, OperatorFacts, Unseen, Wanted
from tools.doctor.finding import About, Finding, Subject

KINDS = ("clusters", "databases")
"""What an environment is made of."""
OLDEST, NEWEST = (1, 27), (1, 30)
INSTALL = "https://cloudnative-pg.io/documentation/current/installation_upgrade/"


def check(facts: Facts) -> Iterator[Finding]:
    """Its kinds, its Deployment, its version."""
    found = facts.operator
    if isinstance(found, Unseen):
        yield _about("operator", "CloudNativePG").unseen(found.why)
        return
    yield _kinds(found)
    if not found.controllers:
        about = _about("operator", "Deployments labelled app.kubernetes.io/name=cloudnative-pg")
        why = "nothing makes a cluster, a role or a failover"
        yield about.fault("no operator is installed", why, f"install CloudNativePG: {INSTALL}")
    for controller in found.controllers:
        yield _runs(facts.wanted, controller)
        yield _version(facts.wanted, controller)


def _about(check: str, looked_at: str) -> About:
    return About(subject=Subject.OPERATOR, check=check, looked_at=looked_at)


def _kinds(found: OperatorFacts) -> Finding:
    about = _about("operator-kinds", "kinds of postgresql.cnpg.io/v1")
    missing = [kind for kind in KINDS if kind not in found.kinds]
    if missing:
        what = f"the API server doesn't know {', '.join(missing)}"
        return about.fault(what, "nothing of an environment can be made", f"install CloudNativePG: {INSTALL}")
    return about.ok(f"{len(found.kinds)} kinds are served")


def _runs(wanted: Wanted, controller: Controller) -> Finding:
    about = _about("operator", f"Deployment {controller.namespace}/{controller.name}")
    if controller.ready >= 1:
        return about.ok(f"{controller.ready} of {controller.wanted} ready")
    why = "roles, passwords and failovers wait for it; PostgreSQL itself goes on"
    command = typed.describe(wanted, controller.namespace, "pods -l app.kubernetes.io/name=cloudnative-pg")
    return about.fault(f"{controller.ready} of {controller.wanted} ready", why, command)


def _version(wanted: Wanted, controller: Controller) -> Finding:
    about = _about("operator-version", f"image {controller.image}")
    found = re.search(r":v?(\d+)\.(\d+)(?:\.\d+)?[^:/]*$", controller.image)
    known = ".".join(map(str, OLDEST)) + " to " + ".".join(map(str, NEWEST))
    show = typed.kubectl(wanted, controller.namespace, f"get deployment {controller.name} -o wide")
    if not found:
        return about.warning("its tag is no version", f"Socle knows {known}", show)
    version = (int(found[1]), int(found[2]))
    said = f"{version[0]}.{version[1]}"
    if version < OLDEST:
        return about.fault(f"{said} is too old", f"Socle knows {known}", f"upgrade CloudNativePG: {INSTALL}")
    if version > NEWEST:
        return about.warning(f"{said} is newer than Socle knows", f"it knows {known}; 1.31 drops in-tree barman", show)
    return about.ok(f"{said}; Socle knows {known}")
