"""The servers that an environment's settings ask for, started in the order in which they need each other."""

from __future__ import annotations

from dataclasses import replace

from branching.connection import Server
from components import names
from stacks.embedded import EmbeddedServer as Description
from stacks.embedded import read_description
from stacks.kubernetes_settings import CloudNativePgServer
from stacks.settings import EmbeddedCache, EmbeddedServer, EnvironmentSettings, ExternalServer
from tools import external, passwords, paths
from tools.embedded import postgres, supervisor, valkey
from tools.embedded.layout import PostgresSpec
from tools.engine import Engine
from tools.errors import ToolError


def prepare(settings: EnvironmentSettings, engine: Engine, stack: str) -> None:
    """Start what the settings ask for, and see that a server which is there already can be used. Raises ToolError."""
    start(settings)
    if isinstance(settings.server, ExternalServer):
        engine.init(stack)
        external.require(external.reveal(settings.server, engine, stack))


def start(settings: EnvironmentSettings) -> None:
    """Start what the settings ask for; what runs already is left alone. Raises ToolError."""
    server, home, apps = settings.server, paths.home(), settings.apps.values()
    if isinstance(server, EmbeddedServer):
        postgres.start(PostgresSpec(name="main", home=home, port=server.port, major=server.version))
        if any(app.test for app in apps):
            postgres.start(
                PostgresSpec(
                    name="test", home=home, port=server.test_port, major=server.version, durable=False,
                    setting="socle:server, testPort",
                )
            )  # fmt: skip
    if isinstance(settings.cache, EmbeddedCache) and any(app.cache for app in apps):
        valkey.start(valkey.ValkeySpec(home=home, port=settings.cache.port))
    supervisor.start_documents(home)


def described(name: str = "main") -> Description:
    """The running server's description. Raises ToolError where it was never started."""
    found = read_description(paths.home(), name)
    if found is None:
        raise ToolError("The embedded server was never started on this machine", "make up")
    return found


def administrator(settings: EnvironmentSettings, engine: Engine, stack: str) -> Server:
    """The administrator's login, as branching takes it. Raises ToolError."""
    if isinstance(settings.server, CloudNativePgServer):
        raise ToolError(
            f"The server of {stack} is inside its cluster, and this machine doesn't reach it",
            f"make psql, make snapshot, make pr and make run work with ENV={stack}",
        )
    if isinstance(settings.server, ExternalServer):
        outside = external.reveal(settings.server, engine, stack)
        return Server(
            host=outside.server.host, port=outside.server.port, user=outside.server.admin.user,
            password=outside.password, sslmode=outside.server.sslmode, sslrootcert=outside.server.ca_file,
            maintenance_db=outside.server.database,
        )  # fmt: skip
    main = described()
    return Server(
        host=main.host, port=main.port, user=main.admin, password=main.admin_password, sslrootcert=main.ca_file,
        dump_host=main.socket_dir,
    )  # fmt: skip


def brancher(settings: EnvironmentSettings, engine: Engine, stack: str) -> Server:
    """The login of the role that makes branches and has no right on an application's rows. Raises ToolError."""
    password = passwords.role_password(engine, stack, names.BRANCHER)
    admin = administrator(settings, engine, stack)
    return replace(admin, user=names.BRANCHER, password=password, dump_host="")
