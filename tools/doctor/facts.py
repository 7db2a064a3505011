"""What was found in a cluster, as plain values. No value of a Secret is among it: only whether two agree. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from branching.inventory import Inventory
from components.names import RoleNames


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """Couldn't be looked at."""

    why: str


@dataclass(frozen=True, kw_only=True)
class WantedApplication:
    """An application as the settings have it."""

    name: str
    database: str
    roles: RoleNames
    namespace: str
    secrets: Mapping[str, Mapping[str, str]]
    """The templates of its variables, by Secret."""
    workload: bool = False
    """Whether it runs in the cluster."""
    created_namespace: bool = True

    @property
    def logins(self) -> tuple[str, str]:
        """The roles that log in."""
        return self.roles.readwrite, self.roles.readonly


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The environment as the settings have it."""

    env: str
    context: str
    identity: str
    namespace: str
    server: str
    instances: int
    applications: tuple[WantedApplication, ...]
    snapshot_days: int = 0
    """The age that snapshots may have; 0 where none are made."""
    scheduled: bool = False
    """Whether they are made by a schedule."""
    only: str = ""
    """The one application that was asked for."""


class Enforcement(StrEnum):
    """Whether the network does what NetworkPolicies say."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Network:
    """What carries the pods' traffic."""

    enforcement: Enforcement
    by: str = ""
    """What it was recognised by."""


@dataclass(frozen=True, kw_only=True)
class ClusterFacts:
    """Which Kubernetes the kubeconfig leads to."""

    host: str = ""
    identity: str = ""
    error: str = ""
    """Why it can't be used; nothing else was looked at then."""
    network: Network | Unseen = Unseen(why="the cluster was not reached")


@dataclass(frozen=True, kw_only=True)
class Controller:
    """A Deployment."""

    namespace: str
    name: str
    image: str
    ready: int
    wanted: int


@dataclass(frozen=True, kw_only=True)
class OperatorFacts:
    """CloudNativePG."""

    kinds: frozenset[str]
    """The kinds that it serves, in the plural: `clusters`."""
    controllers: tuple[Controller, ...]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """As Kubernetes' objects have them."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod, and what keeps it from running."""

    namespace: str
    name: str
    phase: str
    ready: bool
    unschedulable: str = ""
    """What the scheduler says."""
    waiting: str = ""
    """The reason of a container that waits."""
    message: str = ""
    restarts: int = 0
    log: str = ""
    """Its end, where the pod is in trouble."""
    labels: Mapping[str, str] = field(default_factory=dict)
    checksum: str = ""
    """Of the variables that it was started with."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A PersistentVolumeClaim."""

    namespace: str
    name: str
    phase: str
    wanted: str
    """The size asked for."""
    capacity: str
    conditions: tuple[Condition, ...] = ()
    event: str = ""
    """What was last said of it, where it isn't bound."""


@dataclass(frozen=True, kw_only=True)
class PostgresCluster:
    """A Cluster as its operator sees it."""

    phase: str
    reason: str
    ready: int
    primary: str
    conditions: tuple[Condition, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    """State by role: `reconciled`, `pending-reconciliation`."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """What the operator can't do, by role."""
    fenced: bool = False
    """Whether somebody has stopped PostgreSQL by the fencing annotation."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """The Service to the primary."""

    name: str
    selector: Mapping[str, str]
    ready: int
    """Addresses that traffic goes to."""
    not_ready: int = 0


@dataclass(frozen=True, kw_only=True)
class ServerFacts:
    """The objects of the PostgreSQL cluster; None is: not there."""

    namespace_there: bool
    cluster: PostgresCluster | None = None
    pods: tuple[Pod, ...] = ()
    claims: tuple[Claim, ...] = ()
    service: Service | None = None
    policies: tuple[Mapping[str, Any], ...] = ()
    """NetworkPolicies of its namespace, as Kubernetes has them."""
    databases: Mapping[str, Condition] = field(default_factory=dict)
    """Database objects by name; status is `True` where applied."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """In pg_roles."""

    login: bool
    limit: int
    sessions: int


@dataclass(frozen=True, kw_only=True)
class Database:
    """In pg_database."""

    owner: str
    public_connects: bool
    connects: frozenset[str]
    """Roles with CONNECT of their own."""


@dataclass(frozen=True, kw_only=True)
class PostgresFacts:
    """What the primary's PostgreSQL answers."""

    roles: Mapping[str, Role]
    databases: Mapping[str, Database]
    sessions: int
    max_connections: int
    inventory: Inventory = field(default_factory=lambda: Inventory(snapshots=(), branches=()))
    closed: frozenset[int] = frozenset()
    """Pull requests with a tombstone."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """What came of a login with the password of a credentials' Secret."""

    ok: bool
    said: str = ""
    by_service: bool = True
    """False where the Service didn't answer and the server itself was asked."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The Secret of one role's password; `secret` isn't there where `there` is false."""

    role: str
    secret: str
    there: bool
    labelled: bool = False
    complete: bool = False
    """Whether it has a username, that role's, and a password."""
    login: Login | None = None
    """None where none was tried."""


@dataclass(frozen=True, kw_only=True)
class SecretFacts:
    """One of an application's Secrets."""

    name: str
    there: bool
    missing: tuple[str, ...] = ()
    """Variables that it should have."""
    stale: tuple[str, ...] = ()
    """Variables that hold another password than the credentials."""


@dataclass(frozen=True, kw_only=True)
class Trust:
    """The ConfigMap with the authority's certificate."""

    there: bool
    verifies: bool | None = None
    """None where there was nothing to compare."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The Deployment of an application."""

    available: int
    wanted: int
    message: str = ""
    pods: tuple[Pod, ...] = ()
    checksum: str = ""
    """Of the variables as they are now; empty where they aren't whole."""


@dataclass(frozen=True, kw_only=True)
class ApplicationFacts:
    """An application's objects."""

    wanted: WantedApplication
    namespace_labels: Mapping[str, str] | None
    """None: the namespace isn't there."""
    credentials: tuple[Credentials, ...] = ()
    secrets: tuple[SecretFacts, ...] = ()
    trust: Trust = Trust(there=False)
    workload: Workload | Unseen | None = None


@dataclass(frozen=True, kw_only=True)
class FailedJob:
    """A Job that ended badly and is still there."""

    namespace: str
    name: str
    reason: str
    log: str = ""
    cron_job: str = ""
    """What made it."""
    superseded: bool = False
    """Whether a later one of the same CronJob ended well."""


@dataclass(frozen=True, kw_only=True)
class Synced:
    """An object that brings a Secret from elsewhere."""

    namespace: str
    kind: str
    """In the plural, as kubectl takes it."""
    name: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, kw_only=True)
class PullRequestNamespace:
    """A namespace that says it is a pull request's."""

    name: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All of it."""

    wanted: Wanted
    cluster: ClusterFacts
    operator: OperatorFacts | Unseen = Unseen(why="the cluster was not reached")
    server: ServerFacts | Unseen = Unseen(why="the cluster was not reached")
    postgres: PostgresFacts | Unseen = Unseen(why="the cluster was not reached")
    applications: tuple[ApplicationFacts | Unseen, ...] = ()
    jobs: tuple[FailedJob, ...] | Unseen = ()
    synced: tuple[Synced, ...] | Unseen = ()
    namespaces: tuple[PullRequestNamespace, ...] | Unseen = ()
    stacks: frozenset[int] | Unseen = frozenset()
    """Numbers of the pull requests' stacks that copy from this environment."""
