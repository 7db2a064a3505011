"""An application in the cluster: its migrations first, then the pods of the same image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes

from components.kubernetes.access import Access
from components.kubernetes.manifests import CHECKSUM, SKIP_AWAIT, labels
from components.kubernetes.task import TIMEOUT_SECONDS, Task, TaskArgs
from components.workloads import manifests
from components.workloads.manifests import WorkloadPlan


@dataclass(frozen=True, kw_only=True)
class Migration:
    """What brings the database to what the image expects."""

    command: Sequence[str]
    timeout_seconds: int = TIMEOUT_SECONDS


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """What runs, and after what."""

    plan: WorkloadPlan
    access: Access
    migration: Migration | None
    checksum: pulumi.Input[str]
    """Of the variables: a change rolls the pods."""
    generation: int = 0
    """A new value migrates again: the data were made afresh."""
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)


class Workload(pulumi.ComponentResource):
    """The running application. A migration that fails leaves the pods of the former image as they are."""

    ready: pulumi.Resource

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("socle:workloads:Workload", name, None, opts)
        self._name, self._args, self._plan = name, args, args.plan
        after = [*args.after, *self._migration()]
        self.ready = self._deployment(after)
        self._around()
        self.register_outputs({})

    def _options(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[*self._args.after, *after])

    def _meta(self, *, awaited: bool = True) -> dict[str, object]:
        plan = self._plan
        return {
            "name": plan.application,
            "namespace": plan.namespace,
            "labels": labels(plan.application),
            **({} if awaited else {"annotations": {SKIP_AWAIT: "true"}}),
        }

    def _migration(self) -> list[pulumi.Resource]:
        args, migration = self._args, self._args.migration
        if migration is None:
            return []
        task = Task(
            f"{self._name}-migration",
            TaskArgs(
                access=args.access,
                namespace=self._plan.namespace,
                apply=manifests.pod(self._plan, command=migration.command, probes=False),
                triggers={"generation": str(args.generation)},
                timeout_seconds=migration.timeout_seconds,
                attempts=2,
            ),
            self._options(),
        )
        return [task]

    def _deployment(self, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        plan = self._plan
        spec = pulumi.Output.from_input(self._args.checksum).apply(
            lambda checksum: manifests.deployment(plan, annotations={CHECKSUM: checksum})
        )
        made: pulumi.Resource = kubernetes.apps.v1.Deployment(
            self._name, metadata=self._meta(), spec=spec, opts=self._options(*after)
        )
        return made

    def _around(self) -> None:
        plan = self._plan
        # Its endpoints are the Deployment's pods, which are awaited beside it.
        unawaited = self._meta(awaited=False)
        kubernetes.core.v1.Service(self._name, metadata=unawaited, spec=manifests.service(plan), opts=self._options())
        if plan.host:
            # Whether a controller serves it is the cluster's affair: some give no address ever.
            kubernetes.networking.v1.Ingress(
                self._name, metadata=unawaited, spec=manifests.ingress(plan), opts=self._options()
            )
        if plan.replicas > 1 or plan.max_replicas:
            kubernetes.policy.v1.PodDisruptionBudget(
                self._name, metadata=self._meta(), spec=manifests.disruption_budget(plan), opts=self._options()
            )
        if plan.max_replicas:
            kubernetes.autoscaling.v2.HorizontalPodAutoscaler(
                self._name, metadata=unawaited, spec=manifests.autoscaler(plan), opts=self._options(self.ready)
            )
