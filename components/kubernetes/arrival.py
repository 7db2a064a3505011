"""A Secret that something else in the cluster writes, waited for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.kubernetes.access import Access
from components.kubernetes.manifests import Manifest, digest

SECONDS = 90


@dataclass(frozen=True, kw_only=True)
class ArrivalArgs:
    """Which Secret, and what is said where it doesn't come."""

    access: Access
    maker: Manifest
    """The object that has an operator write it."""
    plural: str
    """The kind of `maker` as the API's paths have it."""
    secret: str
    keys: Sequence[str]
    """What has to be in it."""
    username: str = ""
    """What its key `username` has to be; empty for anything."""
    path: str
    """Of the YAML node that leads to it."""
    allowed: str
    write: str
    timeout_seconds: int = SECONDS


class Arrival(pulumi.CustomResource):
    """That the Secret is there with all its keys. Its contents are never read into the state."""

    def __init__(self, name: str, args: ArrivalArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        maker = args.maker
        super().__init__(
            "socle:kubernetes:Arrival",
            name,
            {
                "context": args.access.context,
                "cluster": args.access.identity,
                "namespace": maker["metadata"]["namespace"],
                "secret": args.secret,
                "keys": sorted(args.keys),
                "username": args.username,
                "maker": {
                    "apiVersion": maker["apiVersion"],
                    "kind": maker["kind"],
                    "plural": args.plural,
                    "name": maker["metadata"]["name"],
                },
                # Another specification may lead to another Secret, or to none.
                "specification": digest(maker["spec"]),
                "path": args.path,
                "allowed": args.allowed,
                "write": args.write,
                "timeoutSeconds": args.timeout_seconds,
            },
            opts,
        )
