"""What components promise each other: addresses, credentials, and the servers that hand them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pulumi


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a server is reached, and how its identity is proven."""

    host: pulumi.Input[str]
    port: pulumi.Input[int]
    sslmode: str = "verify-full"
    """libpq's word; `verify-full` wherever the server has a certificate."""
    ca_file: str = ""
    """Path of the PEM certificate that signs the server's; empty for the system's own store, or without TLS."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """How somebody logs in. The password is a secret output from birth."""

    user: pulumi.Input[str]
    password: pulumi.Output[str]


class DatabaseServer(Protocol):
    """A PostgreSQL service that many applications share, whoever runs it."""

    @property
    def endpoint(self) -> Endpoint:
        """Where applications connect."""

    @property
    def provider(self) -> pulumi.ProviderResource:
        """The pulumi-postgresql provider that administers it."""


class ApplicationDatabase(Protocol):
    """One application's database, by whatever means it is made."""

    @property
    def database(self) -> pulumi.Output[str]:
        """Its name."""

    @property
    def ready(self) -> pulumi.Resource:
        """What depends on this finds database, roles and privileges complete."""


class Cache(Protocol):
    """A Redis-compatible service that many applications share, each within its own key prefix."""

    @property
    def host(self) -> str:
        """Where applications connect."""

    @property
    def port(self) -> int:
        """TCP port."""
