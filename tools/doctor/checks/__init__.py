"""Every check, in the order of cause. Pure."""

from __future__ import annotations

from tools.doctor.checks import (
    applications,
    cluster,
    credentials,
    databases,
    jobs,
    network,
    operator,
    pull_requests,
    roles,
    server,
    snapshots,
    synced,
)
from tools.doctor.facts import Facts
from tools.doctor.finding import Finding, in_order

_CHECKS = (
    operator.check,
    server.check,
    jobs.check,
    synced.check,
    network.check,
    roles.check,
    databases.check,
    credentials.check,
    applications.check,
    snapshots.check,
    pull_requests.check,
)


def examine(facts: Facts) -> list[Finding]:
    """What every check says; of a cluster that isn't reached or isn't meant only that."""
    found = list(cluster.check(facts))
    if not facts.cluster.error:
        for check in _CHECKS:
            found.extend(check(facts))
    return in_order(one for one in found if not facts.wanted.only or one.name in ("", facts.wanted.only))
