"""The commands that findings tell to type, with every name filled in. Pure."""

from __future__ import annotations

import shlex

from tools.doctor.facts import Facts, ServerFacts, Wanted

NOW = '"$(date +%s)"'


def kubectl(wanted: Wanted, namespace: str, words: str) -> str:
    """kubectl in a namespace of the environment's cluster; without one for what is in none."""
    context = f" --context {shlex.quote(wanted.context)}" if wanted.context else ""
    place = f" -n {namespace}" if namespace else ""
    return f"kubectl{context}{place} {words}"


def reconcile(wanted: Wanted) -> str:
    """Have the operator look at the cluster again: roles and passwords are set anew."""
    words = f"annotate clusters.postgresql.cnpg.io {wanted.server} --overwrite socle.dev/looked-at={NOW}"
    return kubectl(wanted, wanted.namespace, words)


def sql(facts: Facts, *statements: str) -> str:
    """psql in the primary's pod, as the superuser."""
    given = " ".join(f"-c {shlex.quote(one)}" for one in statements)
    cluster = facts.server.cluster if isinstance(facts.server, ServerFacts) else None
    # By the pod's name where it is known: the Service may be what is broken.
    pod = cluster.primary if cluster and cluster.primary else f"service/{facts.wanted.server}-rw"
    return kubectl(facts.wanted, facts.wanted.namespace, f"exec {pod} -c postgres -- psql -X {given}")


def make(target: str, wanted: Wanted, **variables: object) -> str:
    """One of the Makefile's."""
    every = {"ENV": wanted.env, **variables}
    return " ".join([f"make {target}", *(f"{name}={shlex.quote(str(value))}" for name, value in every.items())])


def refresh(wanted: Wanted) -> str:
    """Put back what somebody changed behind the engine's back; `make up` alone believes its state.

    By force: what was changed with kubectl belongs to kubectl, and the server would refuse to have it changed back.
    """
    return f'eval "$(make -s env)" && PULUMI_K8S_ENABLE_PATCH_FORCE=true pulumi up --refresh --yes --stack {wanted.env}'


def logs(wanted: Wanted, namespace: str, what: str) -> str:
    """The end of a log."""
    return kubectl(wanted, namespace, f"logs {what} --tail=100")


def describe(wanted: Wanted, namespace: str, what: str) -> str:
    """An object with its events."""
    return kubectl(wanted, namespace, f"describe {what}")
