"""Seed 001, “connexion refusée”: is there a way from an application's namespace to the primary? Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from components.kubernetes.network_policies import CLIENTS, NAMESPACE_NAME
from components.postgres.shared_cluster import PORT
from tools.doctor import typed
from tools.doctor.facts import ApplicationFacts, Enforcement, Facts, Network, ServerFacts, Unseen
from tools.doctor.finding import About, Finding, Subject
from tools.doctor.policies import Client, admits

SELECTED = "cnpg.io/instanceRole"


def check(facts: Facts) -> Iterator[Finding]:
    """The Service has an address behind it; each namespace is let through."""
    server = facts.server
    if not isinstance(server, ServerFacts) or server.cluster is None:
        return  # checks.server says so
    yield _service(facts, server)
    for application in facts.applications:
        if not isinstance(application, Unseen):
            yield _namespace(facts, application, server)


def _service(facts: Facts, server: ServerFacts) -> Finding:
    wanted, service = facts.wanted, server.service
    name = f"{wanted.server}-rw"
    about = About(
        subject=Subject.SERVER, check="service", looked_at=f"Service {wanted.namespace}/{name}, its endpoints"
    )
    why = "connection refused, for every application"
    if service is None:
        return about.fault("it is not there", why, typed.reconcile(wanted))
    if service.ready and _passed_by(facts):
        pods = typed.kubectl(wanted, "", "get pods -n kube-system -o wide")
        found = (
            f"refused or silent, though {service.ready} address is behind it: see kube-proxy, or the network's agent"
        )
        return about.fault(found, why, pods)
    if service.ready:
        return about.ok(f"{service.ready} address behind it")
    chosen = {"cnpg.io/cluster": wanted.server, SELECTED: "primary"}
    if dict(service.selector) != chosen:
        found = ", ".join(f"{key}={value}" for key, value in sorted(service.selector.items())) or "nothing"
        # A merge keeps what is there: what is too much has to be named.
        patch = {**dict.fromkeys(service.selector), **chosen}
        text = json.dumps({"spec": {"selector": patch}})
        command = typed.kubectl(wanted, wanted.namespace, f"patch service {name} --type merge -p '{text}'")
        return about.fault(f"no endpoint: it selects {found}, which is not the primary", why, command)
    described = typed.kubectl(wanted, wanted.namespace, f"get pods -l cnpg.io/cluster={wanted.server} -L {SELECTED}")
    return about.fault(f"no endpoint is ready; {service.not_ready} are not", why, described)


def _passed_by(facts: Facts) -> bool:
    """Whether a login worked at the server itself, as the Service didn't answer."""
    tried = [
        one.login
        for application in facts.applications
        if not isinstance(application, Unseen)
        for one in application.credentials
        if one.login
    ]
    return any(one.ok and not one.by_service for one in tried)


def _namespace(facts: Facts, application: ApplicationFacts, server: ServerFacts) -> Finding:
    its, wanted = application.wanted, facts.wanted
    about = About(
        subject=Subject.APPLICATION,
        check="way-in",
        name=its.name,
        looked_at=f"namespace {its.namespace}, NetworkPolicies",
    )
    labels = application.namespace_labels
    if labels is None:
        command = typed.make("up", wanted) if its.created_namespace else f"kubectl create namespace {its.namespace}"
        return about.fault("the namespace is not there", "the application has no place", command)
    client = Client(namespace=its.namespace, labels={NAMESPACE_NAME: its.namespace, **labels})
    selected = {"cnpg.io/cluster": wanted.server}
    if admits(server.policies, selected, wanted.namespace, client, PORT):
        return about.ok("policies let it through")
    network = facts.cluster.network
    found = f"no policy lets it through: label {CLIENTS} is {labels.get(CLIENTS) or 'missing'}"
    label = f"label namespace {its.namespace} --overwrite {CLIENTS}={wanted.namespace}"
    command = typed.kubectl(wanted, "", label)
    if isinstance(network, Network) and network.enforcement is Enforcement.NO:
        why = f"{network.by} enforces no policies; where one does, its connections time out or are refused"
        return about.warning(found, why, command)
    return about.fault(found, "connections of its pods are refused, or time out", command)
