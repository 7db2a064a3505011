"""Which Kubernetes is it? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tools.doctor import typed
from tools.doctor.facts import Enforcement, Facts, Unseen
from tools.doctor.finding import About, Finding, Subject


def check(facts: Facts) -> Iterator[Finding]:
    """The kubeconfig leads to the cluster that is meant; what its network does with policies."""
    yield _identity(facts)
    if not facts.cluster.error and facts.cluster.identity == facts.wanted.identity:
        yield _network(facts)


def _identity(facts: Facts) -> Finding:
    found, wanted = facts.cluster, facts.wanted
    about = About(subject=Subject.CLUSTER, check="cluster", looked_at="kubeconfig, namespace kube-system")
    if found.error:
        why = "nothing else can be looked at"
        contexts = "kubectl config get-contexts"
        if not found.identity:
            return about.fault(found.error, why, contexts)
        if not wanted.identity:
            line = f"edit Pulumi.{wanted.env}.yaml: socle:cluster: {{identity: {found.identity}}}"
            return about.fault(f"no identity is set; {found.host} is {found.identity}", "it may be another's", line)
        return about.fault(found.error, "what follows would be another cluster's", contexts)
    return about.ok(f"{found.host} is the one that is meant")


def _network(facts: Facts) -> Finding:
    network = facts.cluster.network
    about = About(subject=Subject.CLUSTER, check="network-policies", looked_at="agents on the nodes")
    if isinstance(network, Unseen):
        return about.unseen(network.why)
    if network.enforcement is Enforcement.YES:
        return about.ok(f"{network.by} enforces NetworkPolicies")
    why = "any pod of the cluster reaches the servers; only passwords stand before the data"
    look = typed.kubectl(facts.wanted, "", "get daemonsets -A")
    if network.enforcement is Enforcement.NO:
        return about.warning(f"{network.by} enforces no NetworkPolicies", why, look)
    return about.warning("no agent that is known to enforce NetworkPolicies", f"without one {why}", look)
