"""Snapshots in a Kubernetes cluster: a CronJob an application, by the image of branching."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes

from components.kubernetes import objects
from components.kubernetes.manifests import Manifest, labels
from components.postgres import branching_pods
from components.postgres.branching_pods import RULES_FILE, BranchingAccess, SnapshotPlan
from components.postgres.database_plan import DatabasePlan
from components.postgres.shared_cluster import SharedPostgresCluster
from components.secrets.generated import GeneratedSecret
from stacks.settings import App, EnvironmentSettings

SALT_SECRET = "masking-salt"  # noqa: S105 - a name
ROOT = Path(__file__).resolve().parent.parent
_NEVER = "0 0 31 2 *"
"""A CronJob has to have a schedule, even one that is suspended."""


def cron_job(application: str) -> str:
    """The CronJob of the application's snapshots."""
    return f"snapshot-{application}"


class Snapshots:
    """Makes what an environment's snapshots are made by; nothing without an image."""

    def __init__(
        self,
        settings: EnvironmentSettings,
        cluster: SharedPostgresCluster,
        namespace: str,
        options: Callable[..., pulumi.ResourceOptions],
    ) -> None:
        self._settings, self._namespace, self._options = settings.snapshots, namespace, options
        self._access = BranchingAccess(
            host=cluster.host,
            image=settings.snapshots.image,
            login_secret=cluster.access.superuser_secret,
            authority_secret=cluster.access.authority_secret,
        )
        if self._settings.image:
            self._salt = objects.secret(
                SALT_SECRET,
                namespace=namespace,
                secret_name=SALT_SECRET,
                data={"salt": GeneratedSecret("masking-salt").password("salt")},
                opts=options(cluster.ready),
            )

    def of(self, name: str, app: App, plan: DatabasePlan, *, after: pulumi.Resource) -> None:
        """The application's masking rules and the CronJob that makes its snapshots."""
        if not self._settings.image:
            return
        rules, made = self._rules(name, app), [after, self._salt]
        if rules:
            made.append(rules)
        kubernetes.batch.v1.CronJob(
            cron_job(name),
            metadata={"name": cron_job(name), "namespace": self._namespace, "labels": labels(name)},
            spec=self._spec(name, plan, f"masking-{name}" if rules else ""),
            opts=self._options(*made),
        )

    def _rules(self, name: str, app: App) -> pulumi.Resource | None:
        file = ROOT / (app.masking or f"masking/{name}.yaml")
        if not file.exists():
            return None
        made: pulumi.Resource = kubernetes.core.v1.ConfigMap(
            f"masking-{name}",
            metadata={"name": f"masking-{name}", "namespace": self._namespace, "labels": labels(name)},
            data={RULES_FILE: file.read_text(encoding="utf-8")},
            opts=self._options(self._salt),
        )
        return made

    def _spec(self, name: str, plan: DatabasePlan, rules_config: str) -> Manifest:
        settings = self._settings
        snapshot = SnapshotPlan(
            application=name,
            database=plan.database,
            rules_config=rules_config,
            salt_secret=SALT_SECRET,
            sessions=settings.sessions,
            megabytes_per_second=settings.megabytes_per_second,
            tablespace=settings.tablespace,
            replica=settings.replica,
        )
        hours = settings.max_age * 24
        content = "masked" if rules_config else "schema"
        pod = branching_pods.snapshot(self._access, snapshot, max_age_hours=hours, content=content)
        return {
            "schedule": settings.schedule or _NEVER,
            "suspend": not settings.schedule,
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 1,
                    "template": {"spec": {"restartPolicy": "Never", "automountServiceAccountToken": False, **pod}},
                }
            },
        }
