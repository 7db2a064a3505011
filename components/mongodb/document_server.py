"""A FerretDB process of one application's own, over its PostgreSQL database and role.

Its documents lie in the application's database, so a branch of the database is a branch of the documents.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class DocumentServerArgs:
    """What the process serves, and to whom."""

    stack: str
    application: str
    """Together with the stack, the process's name on this machine."""
    port: int
    """The first TCP port to try; the next free one is taken, and kept."""
    postgresql_url: pulumi.Input[str]
    """The database it keeps the documents in, with a login; a secret."""
    user: str
    password: pulumi.Input[str]
    generation: int = 0
    """A new value starts the process afresh: its database was made anew."""


class DocumentServer(pulumi.CustomResource):
    """The running process; `port` is where it listens on loopback."""

    port: pulumi.Output[int]

    def __init__(self, name: str, args: DocumentServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["postgresqlUrl", "password"])
        super().__init__(
            "socle:mongodb:DocumentServer",
            name,
            {
                "stack": args.stack,
                "application": args.application,
                "firstPort": args.port,
                "postgresqlUrl": pulumi.Output.secret(args.postgresql_url),
                "user": args.user,
                "password": pulumi.Output.secret(args.password),
                "generation": args.generation,
                "port": None,
            },
            pulumi.ResourceOptions.merge(opts, secret),
        )
