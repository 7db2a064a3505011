"""An application's user on a shared Redis or Valkey: an ACL user that reaches its own key prefix and nothing else."""

from __future__ import annotations

import pulumi


class AclUser(pulumi.CustomResource):
    """A user of the embedded cache.

    Made by the server's administrator, whose password the provider reads from the server's own description on this
    machine; so no stack's state and no output ever holds it.
    """

    def __init__(
        self,
        name: str,
        *,
        user: str,
        prefix: str,
        password: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["password"])
        super().__init__(
            "socle:redis:AclUser",
            name,
            {"user": user, "prefix": prefix, "password": pulumi.Output.secret(password)},
            pulumi.ResourceOptions.merge(opts, secret),
        )
