"""Work inside the cluster: a Job that runs when the resource is made or changed, and another when it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.kubernetes.access import Access
from components.kubernetes.manifests import Manifest

TIMEOUT_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class TaskArgs:
    """What runs, and where."""

    access: Access
    namespace: pulumi.Input[str]
    apply: pulumi.Input[Manifest]
    """The pod's spec. It has to be repeatable: an interrupted run is repeated whole."""
    remove: pulumi.Input[Manifest] | None = None
    """The spec of the pod that runs before the resource goes; None when nothing has to be undone."""
    triggers: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Has it run again when one changes. No secrets: a digest of one tells that it changed."""
    generation: int = 0
    """A new value undoes what was done, then does it afresh."""
    timeout_seconds: int = TIMEOUT_SECONDS
    attempts: int = 4
    """Of the pod, each later than the one before by twice as much from 10 s on: a server may be switching over. What
    would fail in the same way again is better told at once."""


class Task(pulumi.CustomResource):
    """A Job that has ended well; where one fails, its log's end is in the error. Once it ended it is removed.

    A pulumi-kubernetes Job stays as long as its resource, and has none that runs when it goes. By this, what a database
    needs undone is done before its roles and its namespace go.
    """

    message: pulumi.Output[str]
    """What the pod wrote to its termination log when it last ran."""

    def __init__(self, name: str, args: TaskArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "socle:kubernetes:Task",
            name,
            {
                "context": args.access.context,
                "cluster": args.access.identity,
                "namespace": args.namespace,
                "job": name,
                "apply": args.apply,
                "remove": args.remove,
                "triggers": dict(args.triggers),
                "generation": args.generation,
                "timeoutSeconds": args.timeout_seconds,
                "attempts": args.attempts,
                "message": None,
            },
            opts,
        )
