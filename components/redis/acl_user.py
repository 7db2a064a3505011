"""An application's user on a shared Redis or Valkey: an ACL user that reaches its own key prefix and nothing else."""

from __future__ import annotations

from urllib.parse import quote

import pulumi


def key_prefix(application: str, pull_request: int | None = None) -> str:
    """The prefix that all keys and channels of the application begin with: `city-api:` or `pr-123:city-api:`."""
    return f"pr-{pull_request}:{application}:" if pull_request else f"{application}:"


def user_name(application: str, pull_request: int | None = None) -> str:
    """The ACL user: `city-api` or `pr-123-city-api`."""
    return f"pr-{pull_request}-{application}" if pull_request else application


def url(*, host: str, port: int, user: str, password: str) -> str:
    """`REDIS_URL` for a server without TLS: the embedded one, on loopback."""
    return f"redis://{quote(user, safe='')}:{quote(password, safe='')}@{host}:{port}/0"


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
