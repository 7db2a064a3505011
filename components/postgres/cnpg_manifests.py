"""What CloudNativePG is asked for, as its API takes it (`postgresql.cnpg.io/v1`, 1.28). Pure.

https://cloudnative-pg.io/documentation/1.28/cloudnative-pg.v1/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.kubernetes.manifests import Manifest, labels
from components.monitoring.manifests import PARAMETERS
from components.postgres.archive import ORIGIN_ANNOTATION, Archive, Origin, archiver, recovery
from components.postgres.database_plan import DatabasePlan

API_VERSION = "postgresql.cnpg.io/v1"
MAINTENANCE = "socle"
"""The database that the cluster is bootstrapped with, and its owner. No application's: it stays empty."""
WAIT_FOR = "pulumi.com/waitFor"
RELOAD = "cnpg.io/reload"
"""The label of Secrets that the operator watches."""

_INITDB = {
    "database": MAINTENANCE,
    "owner": MAINTENANCE,
    "dataChecksums": True,
    "encoding": "UTF8",
    # As the embedded server's: the same order of letters everywhere, whatever the image's system has.
    "localeProvider": "icu",
    "icuLocale": "und",
    "localeCollate": "C",
    "localeCType": "C",
}
_MI = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume for each instance."""

    size: str
    storage_class: str = ""
    """Empty: the Kubernetes cluster's default."""


@dataclass(frozen=True, kw_only=True)
class ManagedRole:
    """A role as the operator keeps it; what rights it has in databases the operator doesn't know."""

    name: str
    comment: str
    login: bool
    password_secret: str = ""
    """A basic-auth Secret in the cluster's namespace; empty for a role without a password."""
    connection_limit: int = -1
    member_of: tuple[str, ...] = ()
    inherits: bool = False
    """Whether it has the rights of what it is a member of without SET ROLE."""
    create_database: bool = False
    create_role: bool = False


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """One PostgreSQL cluster that applications share."""

    name: str
    namespace: str
    image: str
    instances: int
    storage: Volume
    wal_storage: Volume | None = None
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    """PostgreSQL's own, before all that is derived here."""
    synchronous: int = 0
    """Standbys that must have a commit before it is acknowledged."""
    spread: bool = False
    """Whether instances must not share a node; otherwise they only avoid it."""
    superuser_secret: str
    authority_secret: str
    """With `ca.crt` and `ca.key`, which sign the server's certificates."""
    roles: Sequence[ManagedRole] = ()
    archive: Archive | None = None
    """What it writes its log and its backups to."""
    origin: Origin | None = None
    """What it comes out of; None is a new, empty one. Read once, when it is made."""
    monitoring: Mapping[str, Any] = field(default_factory=dict)
    """`spec.monitoring`."""


def cluster(plan: ClusterPlan) -> Manifest:
    """The Cluster. Nothing in it that may change makes it another one."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Cluster",
        "metadata": {
            "name": plan.name,
            "namespace": plan.namespace,
            "labels": labels(plan.name, part_of="postgresql"),
            "annotations": {
                WAIT_FOR: _healthy(plan.instances),
                **({ORIGIN_ANNOTATION: str(plan.origin)} if plan.origin else {}),
            },
        },
        "spec": {
            "imageName": plan.image,
            "instances": plan.instances,
            "storage": _volume(plan.storage),
            **({"walStorage": _volume(plan.wal_storage)} if plan.wal_storage else {}),
            "resources": {"requests": dict(plan.requests), "limits": dict(plan.limits)},
            **(recovery(plan.origin, database=MAINTENANCE) if plan.origin else {"bootstrap": {"initdb": _INITDB}}),
            **({"plugins": archiver(plan.archive)} if plan.archive else {}),
            "enableSuperuserAccess": True,
            "superuserSecret": {"name": plan.superuser_secret},
            "certificates": {"serverCASecret": plan.authority_secret},
            "affinity": {
                "enablePodAntiAffinity": True,
                "topologyKey": "kubernetes.io/hostname",
                "podAntiAffinityType": "required" if plan.spread else "preferred",
            },
            # With a single instance a disruption budget would only forbid that its node is ever drained.
            "enablePDB": plan.instances > 1,
            "primaryUpdateStrategy": "unsupervised",
            "primaryUpdateMethod": "switchover" if plan.instances > 1 else "restart",
            "postgresql": _postgresql(plan),
            **({"monitoring": dict(plan.monitoring)} if plan.monitoring else {}),
            "managed": {"roles": [_role(one) for one in sorted(plan.roles, key=lambda one: one.name)]},
        },
    }


def derived_parameters(memory_limit: str) -> dict[str, str]:
    """PostgreSQL's parameters by the memory that an instance may use, and what Socle's dashboards read.

    A quarter for shared buffers and three for what the kernel caches, as PostgreSQL's documentation has it
    (https://www.postgresql.org/docs/18/runtime-config-resource.html#GUC-SHARED-BUFFERS).
    """
    mebibytes = in_mebibytes(memory_limit)
    return {
        "shared_buffers": f"{max(16, mebibytes // 4)}MB",
        "effective_cache_size": f"{max(32, mebibytes * 3 // 4)}MB",
        **PARAMETERS,
        "log_lock_waits": "on",
        "log_min_duration_statement": "5s",
    }


def in_mebibytes(quantity: str) -> int:
    """A quantity of memory, `512Mi` say, rounded down. Raises ValueError for what is no such quantity."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(Mi|Gi|Ti)", quantity)
    if not found:
        raise ValueError(f"{quantity} is no quantity in Mi, Gi or Ti")
    return int(float(found.group(1)) * _MI[found.group(2)])


def database(name: str, *, namespace: str, cluster_name: str, database: str, owner: str) -> Manifest:
    """The Database that shows an application's database among the cluster's objects; without it the database stays."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Database",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels(name, part_of="postgresql"),
            "annotations": {WAIT_FOR: "jsonpath={.status.applied}=true"},
        },
        "spec": {
            "cluster": {"name": cluster_name},
            "name": database,
            "owner": owner,
            "databaseReclaimPolicy": "retain",
        },
    }


def application_roles(plan: DatabasePlan, *, comment: str, secrets: Mapping[str, str]) -> tuple[ManagedRole, ...]:
    """An application's roles; `secrets` has each login's basic-auth Secret."""
    member_of = {member: role for role, member in plan.memberships}
    owner = ManagedRole(name=plan.roles.owner, comment=comment, login=False)
    logins = (
        ManagedRole(
            name=login,
            comment=comment,
            login=True,
            password_secret=secrets[login],
            connection_limit=plan.connection_limit,
            member_of=(member_of[login],) if login in member_of else (),
            inherits=login in plan.heirs,
        )
        for login in plan.logins
    )
    return owner, *logins


def _healthy(instances: int) -> str:
    # Both: the condition alone is still met from before when instances are added.
    return f'["condition=Ready", "jsonpath={{.status.readyInstances}}={instances}"]'


def _volume(volume: Volume) -> dict[str, Any]:
    return {"size": volume.size, **({"storageClass": volume.storage_class} if volume.storage_class else {})}


def _postgresql(plan: ClusterPlan) -> dict[str, Any]:
    parameters = {**derived_parameters(plan.limits["memory"]), **plan.parameters}
    if not plan.synchronous:
        return {"parameters": parameters}
    # By quorum, and with a promise kept in a failover: only a standby that has every acknowledged commit is promoted.
    quorum = {"method": "any", "number": plan.synchronous, "dataDurability": "required", "failoverQuorum": True}
    return {"parameters": parameters, "synchronous": quorum}


def _role(role: ManagedRole) -> dict[str, Any]:
    return {
        "name": role.name,
        "comment": role.comment,
        "ensure": "present",
        "login": role.login,
        # Without it the owner's rights come only by SET ROLE, in a migration, never in passing.
        "inherit": role.inherits,
        "connectionLimit": role.connection_limit,
        **({"passwordSecret": {"name": role.password_secret}} if role.password_secret else {"disablePassword": True}),
        **({"inRoles": list(role.member_of)} if role.member_of else {}),
        **({"createdb": True} if role.create_database else {}),
        **({"createrole": True} if role.create_role else {}),
    }
