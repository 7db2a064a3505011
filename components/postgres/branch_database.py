"""A pull request's copy of an application's data: a branch of its newest snapshot, with a role of its own."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.contracts import Credentials, Endpoint
from components.postgres.limits import BranchQuota, Lifetime, Limits


@dataclass(frozen=True, kw_only=True)
class BranchDatabaseArgs:
    """Which branch, on which server, made by whom."""

    server: Endpoint
    brancher: Credentials
    """The brancher's login: CREATEDB and CREATEROLE, no right on an application's rows. Never the administrator's."""
    branch: str
    """Name of the database and of its role: `pr_123`."""
    application: str
    source: str
    """The application's database, from whose newest snapshot the branch is made."""
    pull_request: int
    password: pulumi.Input[str]
    limits: Limits
    lifetime: Lifetime
    quota: BranchQuota
    content: str = "masked"
    """What of the source's rows it has: `masked`, `synthetic` or `schema`."""
    generation: int = 0
    """A new value makes the branch afresh from the newest snapshot; the same value keeps its data."""


class BranchDatabase(pulumi.CustomResource):
    """The branch, and which data it was made from."""

    snapshot: pulumi.Output[str]
    """Name of the snapshot."""
    taken: pulumi.Output[str]
    """When the snapshot read the live database, ISO 8601."""

    def __init__(self, name: str, args: BranchDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["brancherPassword", "password"])
        super().__init__(
            "socle:postgres:BranchDatabase",
            name,
            {
                "host": args.server.host,
                "port": args.server.port,
                "sslmode": args.server.sslmode,
                "caFile": args.server.ca_file,
                "brancher": args.brancher.user,
                "brancherPassword": pulumi.Output.secret(args.brancher.password),
                "branch": args.branch,
                "application": args.application,
                "source": args.source,
                "pullRequest": args.pull_request,
                "password": pulumi.Output.secret(args.password),
                "connectionLimit": args.limits.connections,
                "statementTimeoutMs": args.limits.statement_timeout_ms,
                "idleInTransactionTimeoutMs": args.limits.idle_in_transaction_timeout_ms,
                "content": args.content,
                "ttlDays": args.lifetime.days,
                "idleDays": args.lifetime.idle_days,
                "quotaPerApplication": args.quota.per_application,
                "quotaTotal": args.quota.total,
                "generation": args.generation,
                "snapshot": None,
                "taken": None,
            },
            pulumi.ResourceOptions.merge(opts, secret),
        )
