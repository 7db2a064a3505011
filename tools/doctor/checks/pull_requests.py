"""Namespaces, databases and stacks of pull requests that have lost each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from branching.inventory import Branch
from components import names
from components.postgres.statements import identifier
from tools.doctor import typed
from tools.doctor.facts import Facts, PostgresFacts, PullRequestNamespace, Unseen
from tools.doctor.finding import About, Finding, Subject


def check(facts: Facts) -> Iterator[Finding]:
    """Each pull request that has anything in the cluster."""
    about = About(subject=Subject.PULL_REQUEST, check="pull-requests", looked_at="namespaces, databases, stacks")
    namespaces, postgres = facts.namespaces, facts.postgres
    if isinstance(namespaces, Unseen) or isinstance(postgres, Unseen):
        unseen = namespaces if isinstance(namespaces, Unseen) else postgres
        yield about.unseen(unseen.why if isinstance(unseen, Unseen) else "")
        return
    if isinstance(facts.stacks, Unseen):
        yield about.unseen(f"the stacks: {facts.stacks.why}")
    found = [*_namespaces(facts, namespaces, postgres), *_branches(facts, namespaces, postgres)]
    yield from found
    if not found:
        yield about.ok(
            f"{len(namespaces)} namespaces, {len(postgres.inventory.branches)} databases, none without the other"
        )


def _about(number: int, looked_at: str) -> About:
    name = names.pull_request_stack(number)
    return About(subject=Subject.PULL_REQUEST, check="pull-requests", looked_at=looked_at, name=name)


def _known(facts: Facts, number: int) -> bool:
    """Whether its stack is there, or nobody knows."""
    return isinstance(facts.stacks, Unseen) or number in facts.stacks


def _down(facts: Facts, number: int, otherwise: str) -> str:
    there = not isinstance(facts.stacks, Unseen) and number in facts.stacks
    return f"make pr-down PR={number}" if there else otherwise


def _namespaces(
    facts: Facts, namespaces: tuple[PullRequestNamespace, ...], postgres: PostgresFacts
) -> Iterator[Finding]:
    branches = {(one.pull_request, one.metadata.application) for one in postgres.inventory.branches if one.metadata}
    for one in namespaces:
        about = _about(one.number, f"namespace {one.name}")
        application = one.name.removesuffix(f"-pr-{one.number}")
        command = _down(facts, one.number, typed.kubectl(facts.wanted, "", f"delete namespace {one.name}"))
        if one.number in postgres.closed:
            yield about.warning("its pull request is closed", "it holds pods, Secrets and a quota for nobody", command)
        elif not _known(facts, one.number):
            why = "nobody will remove it, unless another checkout has the stack"
            yield about.warning(f"there is no stack pr-{one.number} here", why, command)
        elif (one.number, application) not in branches:
            again = typed.make("pr", facts.wanted, PR=one.number, RESET=1)
            yield about.fault("it has no database", "its application can't connect", again)


def _branches(facts: Facts, namespaces: tuple[PullRequestNamespace, ...], postgres: PostgresFacts) -> Iterator[Finding]:
    there = {one.name for one in namespaces}
    for branch in postgres.inventory.branches:
        about = _about(branch.pull_request, f"database {branch.name}")
        command = _down(facts, branch.pull_request, _drop(facts, branch))
        if branch.half_dropped or branch.metadata is None:
            why = "unless somebody makes it at this moment, nobody will finish it"
            yield about.warning("half made, or half dropped", why, command)
            continue
        namespace = names.pull_request_namespace(branch.metadata.application, branch.pull_request)
        if namespace not in there:
            yield about.warning(f"there is no namespace {namespace}", "a copy of data that nobody uses", command)


def _drop(facts: Facts, branch: Branch) -> str:
    name = identifier(branch.name)
    return typed.sql(facts, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"DROP ROLE IF EXISTS {name}")
