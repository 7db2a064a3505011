"""A PostgreSQL server that is there already, embedded or external, as pulumi-postgresql reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pulumi
import pulumi_postgresql as postgresql

from components.contracts import Credentials, Endpoint
from components.names import BRANCHER


@dataclass(frozen=True, kw_only=True)
class ReachableServerArgs:
    """How the administrator logs in."""

    endpoint: Endpoint
    admin: Credentials
    superuser: bool
    database: str = "postgres"
    """The database the administrator logs in to."""


class ReachableServer:
    """A DatabaseServer whose administrator the machine running Pulumi can log in as."""

    def __init__(self, name: str, args: ReachableServerArgs) -> None:
        self._name, self.login = name, args
        self.endpoint = args.endpoint

    @cached_property
    def provider(self) -> pulumi.ProviderResource:
        """The pulumi-postgresql provider, made when something asks for it first."""
        args = self.login
        provider: pulumi.ProviderResource = postgresql.Provider(
            self._name,
            host=args.endpoint.host,
            port=args.endpoint.port,
            username=args.admin.user,
            password=args.admin.password,
            database=args.database,
            sslmode=args.endpoint.sslmode,
            sslrootcert=args.endpoint.ca_file or None,
            superuser=args.superuser,
        )
        return provider


def brancher(provider: pulumi.ProviderResource, password: pulumi.Input[str], connect_to: str = "") -> None:
    """The role that makes and drops branches on the server behind `provider`.

    It logs in to the maintenance database `connect_to` meanwhile; empty where every role may connect to one.
    """
    role = postgresql.Role(
        "brancher",
        name=BRANCHER,
        login=True,
        create_database=True,
        create_role=True,
        password=password,
        skip_reassign_owned=True,
        opts=pulumi.ResourceOptions(provider=provider),
    )
    if connect_to:
        postgresql.Grant(
            "brancher-connect",
            database=connect_to,
            role=role.name,
            object_type="database",
            privileges=["CONNECT"],
            opts=pulumi.ResourceOptions(provider=provider, delete_before_replace=True),
        )
