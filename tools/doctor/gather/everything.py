"""All facts of an environment, from its settings and the cluster that they name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from components.kubernetes import access
from components.kubernetes.access import ClusterError
from components.names import roles
from stacks.applications import variables_of
from stacks.checks import database_of, role_of
from stacks.kubernetes_settings import CloudNativePgServer
from stacks.pull_request_kubernetes import PULL_REQUEST
from stacks.settings import EnvironmentSettings
from tools.doctor.facts import (
    ApplicationFacts,
    ClusterFacts,
    Condition,
    Facts,
    FailedJob,
    Login,
    PullRequestNamespace,
    ServerFacts,
    Synced,
    Unseen,
    Wanted,
    WantedApplication,
)
from tools.doctor.gather import applications, postgres
from tools.doctor.gather import server as objects
from tools.doctor.gather.applications import LogIn, Server
from tools.doctor.gather.pods import condition, failed_jobs
from tools.doctor.gather.postgres import Attempt, Place
from tools.doctor.gather.reader import Json, Reader, UnseenError, conditions_of, seen
from tools.doctor.redaction import Redactor

_SYNCED = {
    "infisicalsecrets": "/apis/secrets.infisical.com/v1alpha1",
    "externalsecrets": "/apis/external-secrets.io/v1",
    "pushsecrets": "/apis/external-secrets.io/v1alpha1",
}


def wanted_of(env: str, settings: EnvironmentSettings, only: str = "") -> Wanted:
    """What the settings want. Pure."""
    server = settings.server
    assert isinstance(server, CloudNativePgServer)  # noqa: S101 - the command has asked
    return Wanted(
        env=env,
        context=settings.cluster.context,
        identity=settings.cluster.identity,
        namespace=server.namespace,
        server=server.name,
        instances=server.instances,
        applications=tuple(
            WantedApplication(
                name=name,
                database=database_of(name, app),
                roles=roles(role_of(name, app)),
                namespace=app.namespace or name,
                secrets=variables_of(name, app),
                workload=app.workload is not None,
                created_namespace=settings.cluster.create_namespaces,
            )
            for name, app in settings.apps.items()
        ),
        snapshot_days=settings.snapshots.max_age if settings.snapshots.image else 0,
        scheduled=bool(settings.snapshots.schedule),
        only=only,
    )


def gather(wanted: Wanted, stacks: frozenset[int] | Unseen) -> tuple[Facts, Redactor]:
    """All there is to see, and what must not be told of it."""
    try:
        client = access.connect(wanted.context)
        identity = access.identity(client)
    except ClusterError as error:
        return Facts(wanted=wanted, cluster=ClusterFacts(error=str(error))), Redactor()
    reader, host = Reader(client), client.configuration.host
    if identity != wanted.identity:
        error_ = f"{host} is the cluster {identity}; {wanted.identity or 'none'} is meant"
        return Facts(wanted=wanted, cluster=ClusterFacts(host=host, identity=identity, error=error_)), reader.redactor
    server = seen(lambda: objects.server(reader, wanted))
    place = _place(wanted, server)
    chosen = [one for one in wanted.applications if wanted.only in ("", one.name)]
    pulls = seen(lambda: _pull_requests(reader, wanted))
    places = {wanted.namespace, *(one.namespace for one in wanted.applications)}
    places |= {one.name for one in pulls} if not isinstance(pulls, Unseen) else set()
    facts = Facts(
        wanted=wanted,
        cluster=ClusterFacts(host=host, identity=identity, network=seen(lambda: objects.network(reader))),
        operator=seen(lambda: objects.operator(reader)),
        server=server,
        postgres=place if isinstance(place, Unseen) else seen(lambda: postgres.ask(reader, place)),
        applications=tuple(_application(reader, wanted, one, place) for one in chosen),
        jobs=seen(lambda: _jobs(reader, sorted(places))),
        synced=seen(lambda: _synced(reader, sorted(places))),
        namespaces=pulls,
        stacks=stacks,
    )
    return facts, reader.redactor


def _place(wanted: Wanted, server: ServerFacts | Unseen) -> Place | Unseen:
    if isinstance(server, Unseen):
        return server
    if server.cluster is None or not server.cluster.primary:
        return Unseen(why="there is no primary")
    return Place(namespace=wanted.namespace, pod=server.cluster.primary, service=f"{wanted.server}-rw")


def _application(
    reader: Reader, wanted: Wanted, its: WantedApplication, place: Place | Unseen
) -> ApplicationFacts | Unseen:
    server = Server(
        certificate=seen(lambda: _certificate(reader, wanted)), host=f"{wanted.server}-rw.{wanted.namespace}.svc"
    )
    log_in: LogIn | None = None if isinstance(place, Unseen) else partial(_log_in, reader, place)
    return seen(lambda: applications.application(reader, wanted, its, server, log_in))


def _log_in(reader: Reader, place: Place, attempts: Sequence[Attempt]) -> dict[str, Login]:
    """By role; none where it couldn't be tried, which the facts of PostgreSQL tell."""
    found = seen(lambda: postgres.log_in(reader, place, attempts))
    return {} if isinstance(found, Unseen) else found


def _certificate(reader: Reader, wanted: Wanted) -> str:
    found = reader.secret(wanted.namespace, f"{wanted.server}-server")
    if found is None or "tls.crt" not in found:
        raise UnseenError(f"the server has no certificate yet in Secret {wanted.server}-server")
    return found["tls.crt"]


def _jobs(reader: Reader, namespaces: list[str]) -> tuple[FailedJob, ...]:
    return tuple(job for one in namespaces for job in failed_jobs(reader, one))


def _synced(reader: Reader, namespaces: list[str]) -> tuple[Synced, ...]:
    return tuple(
        Synced(namespace=space, kind=kind, name=one["metadata"]["name"], conditions=_conditions(one))
        for kind, group in _SYNCED.items()
        if reader.get(group) is not None
        for space in namespaces
        for one in reader.items(f"{group}/namespaces/{space}/{kind}")
    )


def _conditions(found: Json) -> tuple[Condition, ...]:
    return tuple(condition(one) for one in conditions_of(found))


def _pull_requests(reader: Reader, wanted: Wanted) -> tuple[PullRequestNamespace, ...]:
    """Those that copy from this environment's server."""
    selector = f"{PULL_REQUEST},socle.dev/clients-of={wanted.namespace}"
    return tuple(
        PullRequestNamespace(name=one["metadata"]["name"], number=int(one["metadata"]["labels"][PULL_REQUEST]))
        for one in reader.items("/api/v1/namespaces", labelSelector=selector)
    )
