"""`python -m tools.plugins.postgresql <engine address>`: the plugin as the engine starts it."""

from __future__ import annotations

import os
import sys

from tools.plugins import SAID
from tools.plugins.postgresql.config import from_variables
from tools.plugins.postgresql.connection import Server
from tools.plugins.postgresql.database import Database
from tools.plugins.postgresql.default_privileges import DefaultPrivileges
from tools.plugins.postgresql.extension import Extension
from tools.plugins.postgresql.grant import Grant
from tools.plugins.postgresql.grant_role import GrantRole
from tools.plugins.postgresql.role import Role
from tools.plugins.postgresql.schema import Schema
from tools.plugins.protocol import serve
from tools.plugins.provider import Provider
from tools.plugins.resource import ResourceType
from tools.plugins.values import Properties

VERSION = "3.18.2"
"""The release of the real plugin whose behaviour and state this one has."""


class PostgresqlProvider(Provider):
    """The stand-in as a provider: one server, seven resource types."""

    def __init__(self, server: Server) -> None:
        super().__init__("postgresql", VERSION, resource_types(server))
        self._server = server

    @property
    def secret_config(self) -> frozenset[str]:
        """The administrator's password."""
        return frozenset({"password"})

    @property
    def notice(self) -> str:
        """Said so that nobody takes the stand-in for the real plugin."""
        # `make` says it once itself; each provider of a program is a process, and would say it again.
        if SAID in os.environ:
            return ""
        return "postgresql: Socle's offline stand-in is used, the real plugin is not installed"

    def configure(self, variables: Properties) -> None:
        """Take the configuration."""
        self._server.configure(from_variables(variables))

    def close(self) -> None:
        """Close the connections."""
        self._server.close()


def resource_types(server: Server) -> dict[str, ResourceType]:
    """The table of the resource types, by token."""
    default_privileges = DefaultPrivileges(server)
    return {
        "postgresql:index/role:Role": Role(server),
        "postgresql:index/database:Database": Database(server),
        "postgresql:index/grant:Grant": Grant(server),
        "postgresql:index/defaultPrivileges:DefaultPrivileges": default_privileges,
        "postgresql:index/defaultPrivileg:DefaultPrivileg": default_privileges,
        "postgresql:index/schema:Schema": Schema(server),
        "postgresql:index/extension:Extension": Extension(server),
        "postgresql:index/grantRole:GrantRole": GrantRole(server),
    }


def main() -> int:
    """Serve until the engine is done."""
    return serve(PostgresqlProvider(Server()), sys.argv[1:])


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # gRPC's threads can take a second to end, and nothing is left to save.
    os._exit(code)
