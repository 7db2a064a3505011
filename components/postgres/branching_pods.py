"""The pods that make snapshots and branches inside the cluster, with the image of branching/Dockerfile. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.kubernetes.manifests import (
    Manifest,
    restricted,
    restricted_container,
    secret_variable,
    variables,
)
from components.postgres.limits import BranchQuota, Lifetime, Limits

UID = 65532
RULES_FOLDER, RULES_FILE = "/masking", "rules.yaml"
REPORT = "/dev/termination-log"
"""What is written here, at most 4096 bytes, Kubernetes keeps as the container's last message:
https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/."""


@dataclass(frozen=True, kw_only=True)
class BranchingAccess:
    """How a pod of branching reaches the server, and as whom."""

    host: str
    image: str
    login_secret: str
    """Basic-auth: an administrator for snapshots, the brancher for branches."""
    authority_secret: str
    """Of which only `ca.crt` is mounted."""


@dataclass(frozen=True, kw_only=True)
class SnapshotPlan:
    """How an application's snapshots are made."""

    application: str
    database: str
    rules_config: str
    """The ConfigMap that has the masking rules; empty where there are none, for snapshots without rows."""
    salt_secret: str
    """With the key `salt`."""
    sessions: int = 2
    megabytes_per_second: int | None = None
    tablespace: str | None = None
    replica: str | None = None


@dataclass(frozen=True, kw_only=True)
class BranchPlan:
    """One branch."""

    name: str
    application: str
    database: str
    pull_request: int
    content: str
    password_secret: str
    """Basic-auth; the branch's role gets its password."""
    limits: Limits
    lifetime: Lifetime
    quota: BranchQuota


def snapshot(
    access: BranchingAccess, plan: SnapshotPlan, *, max_age_hours: int = 0, content: str = "masked"
) -> Manifest:
    """Make the next version; where `max_age_hours` is given, only when the newest one's data is older."""
    words = ["snapshot", "--app", plan.application, "--database", plan.database, "--content", content]
    words += ["--sessions", str(plan.sessions), "--mb-per-second", str(plan.megabytes_per_second or 0)]
    words += ["--rules", f"{RULES_FOLDER}/{RULES_FILE}"] if plan.rules_config else []
    words += ["--tablespace", plan.tablespace] if plan.tablespace else []
    words += ["--replica", plan.replica] if plan.replica else []
    words += ["--max-age-hours", str(max_age_hours)] if max_age_hours else []
    rules = {"name": "rules", "configMap": {"name": plan.rules_config}}
    env = [secret_variable("SOCLE_MASKING_SALT", plan.salt_secret, "salt")]
    return _pod(access, words, env, [(rules, RULES_FOLDER)] if plan.rules_config else [])


def branch(access: BranchingAccess, plan: BranchPlan) -> Manifest:
    """Make the branch, or keep the one that is there; what it was made from is the pod's last message."""
    limits = plan.limits
    words = ["branch", "--pr", str(plan.pull_request), "--app", plan.application, "--name", plan.name]
    words += ["--database", plan.database, "--content", plan.content]
    words += ["--days", str(plan.lifetime.days), "--idle-days", str(plan.lifetime.idle_days or 0)]
    words += ["--most-of-application", str(plan.quota.per_application or 0), "--most", str(plan.quota.total or 0)]
    words += ["--connections", str(limits.connections), "--statement-timeout", f"{limits.statement_timeout_ms}ms"]
    words += ["--idle-in-transaction-timeout", f"{limits.idle_in_transaction_timeout_ms}ms"]
    return _pod(access, words, [secret_variable("SOCLE_BRANCH_PASSWORD", plan.password_secret, "password")])


def drop(access: BranchingAccess, name: str) -> Manifest:
    """Drop the branch with its role, whoever is connected; one that isn't there is no error."""
    return _pod(access, ["drop", name])


def _pod(
    access: BranchingAccess,
    words: Sequence[str],
    env: Sequence[Manifest] = (),
    volumes: Sequence[tuple[Manifest, str]] = (),
) -> Manifest:
    settings: Mapping[str, str] = {
        "PGHOST": access.host,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/ca/ca.crt",
        "SOCLE_REPORT": REPORT,
    }
    authority = {"secretName": access.authority_secret, "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    mounted = [
        ({"name": "ca", "secret": authority}, "/ca"),
        # pg_dump's archive of the definitions.
        ({"name": "scratch", "emptyDir": {}}, "/tmp"),  # noqa: S108 - a folder of the container's own
        *volumes,
    ]
    return {
        "securityContext": restricted(UID),
        "containers": [
            {
                "name": "branching",
                "image": access.image,
                "command": ["python", "-m", "branching"],
                "args": list(words),
                "env": [
                    *variables(settings),
                    secret_variable("PGUSER", access.login_secret, "username"),
                    secret_variable("PGPASSWORD", access.login_secret, "password"),
                    *env,
                ],
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
                "securityContext": restricted_container(),
                "volumeMounts": [{"name": volume["name"], "mountPath": path} for volume, path in mounted],
            }
        ],
        "volumes": [volume for volume, _ in mounted],
    }
