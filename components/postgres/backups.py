"""A cluster's backups: base backups on a schedule, the heartbeat by which a restore is proven, and the drill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.kubernetes import objects
from components.kubernetes.access import Access
from components.kubernetes.task import Task, TaskArgs
from components.postgres import backup_manifests, heartbeat, restore_pods, script_pod
from components.postgres.cnpg_manifests import MAINTENANCE
from components.postgres.restore_pods import DrillPlan
from components.postgres.script_pod import ServerAccess


@dataclass(frozen=True, kw_only=True)
class BackupsArgs:
    """What is backed up, and how often."""

    cluster: str
    namespace: str
    access: Access
    server: ServerAccess
    archive: str
    """The folder that the cluster archives to."""
    heartbeat_secret: str
    """Basic-auth."""
    schedule: str
    immediate: bool
    after: Sequence[pulumi.Resource]
    """With the cluster, which is proven where it was restored: a heartbeat before that would hide what is missing."""


class Backups(pulumi.ComponentResource):
    """Base backups by the operator, a heartbeat by a CronJob; begun once the log has been seen to reach the store."""

    ready: pulumi.Resource

    def __init__(self, name: str, args: BackupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("socle:postgres:Backups", name, None, opts)
        text = heartbeat.setup(args.archive)
        pod = script_pod.pod(args.server, text, database=MAINTENANCE, logins=[args.heartbeat_secret])
        self.ready = Task(
            f"{name}-archiving",
            TaskArgs(access=args.access, namespace=args.namespace, apply=pod),
            pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        mine = pulumi.ResourceOptions(parent=self, depends_on=[self.ready])
        job = heartbeat.cron_job(
            f"{args.cluster}-heartbeat",
            namespace=args.namespace,
            access=args.server,
            password_secret=args.heartbeat_secret,
            archive=args.archive,
        )
        kubernetes.batch.v1.CronJob(f"{name}-heartbeat", metadata=job["metadata"], spec=job["spec"], opts=mine)
        schedule = backup_manifests.scheduled_backup(
            args.cluster, namespace=args.namespace, schedule=args.schedule, immediate=args.immediate
        )
        objects.custom(f"{name}-schedule", schedule, mine)
        self.register_outputs({})


class RestoreDrill(pulumi.ComponentResource):
    """A CronJob that restores the archive into a throw-away cluster, with rights on that one alone."""

    def __init__(
        self,
        name: str,
        *,
        plan: DrillPlan,
        password: pulumi.Output[str],
        account: pulumi.Resource,
        ready: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`password` is the superuser's of the throw-away cluster; `ready` is what it needs to find."""
        super().__init__("socle:postgres:RestoreDrill", name, None, opts)
        namespace = plan.cluster.namespace
        mine = pulumi.ResourceOptions(parent=self, depends_on=[account, ready])
        secret = objects.secret(
            f"{name}-superuser",
            namespace=namespace,
            secret_name=plan.superuser_secret,
            data={"username": "postgres", "password": password},
            kind="kubernetes.io/basic-auth",
            opts=mine,
        )
        # Not the throw-away cluster's name: the operator makes a Role and an account of that for the cluster itself.
        metadata = {"name": plan.account, "namespace": namespace}
        role = kubernetes.rbac.v1.Role(
            f"{name}-rights", metadata=metadata, rules=restore_pods.drill_rules(plan), opts=mine
        )
        binding = kubernetes.rbac.v1.RoleBinding(
            f"{name}-rights",
            metadata=metadata,
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": plan.account},
            subjects=[{"kind": "ServiceAccount", "name": plan.account, "namespace": namespace}],
            opts=mine,
        )
        job = restore_pods.drill_job(plan)
        kubernetes.batch.v1.CronJob(
            name, metadata=job["metadata"], spec=job["spec"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[secret, role, binding]),
        )  # fmt: skip
        self.register_outputs({})
