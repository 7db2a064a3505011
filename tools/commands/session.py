"""`psql`: a session in an application's database, as one of its roles."""

from __future__ import annotations

import os
import sys

from components import names
from stacks.checks import database_of, role_of
from stacks.cluster import require_cluster
from stacks.kubernetes_settings import CloudNativePgServer
from stacks.settings import EmbeddedServer, EnvironmentSettings
from tools import servers, settings_file
from tools.commands import environment
from tools.commands.pull_request import parse_number
from tools.embedded.binaries import postgres_binaries
from tools.engine import Engine
from tools.errors import ToolError
from tools.kubernetes import kubectl
from tools.passwords import role_password

ROLES = ("rw", "ro", "owner")


def psql(application: str, *, pull_request: str, role: str, env: str) -> None:
    """Replace this process by psql. Raises ToolError, SettingsError."""
    settings = settings_file.environment(env)
    if application not in settings.apps:
        raise ToolError(f"APP is “{application}”; applications of {env}: {', '.join(settings.apps)}", "make psql APP=…")
    if role not in ROLES:
        raise ToolError(f"ROLE is “{role}”; it can be rw, ro or owner", "make psql APP=… ROLE=ro")
    if pull_request:
        database, user, options, stack = _branch(application, pull_request, role)
    else:
        database, user, options = _own(application, settings, role)
        stack = env
    if isinstance(settings.server, CloudNativePgServer):
        _become_in_cluster(settings, env, database, options.get("PGOPTIONS") or f"-c role={user}")
        return
    engine = environment.ready_engine()
    password = role_password(engine, stack, user)
    _become(settings, engine, env, {"PGDATABASE": database, "PGUSER": user, "PGPASSWORD": password, **options})


def _own(application: str, settings: EnvironmentSettings, role: str) -> tuple[str, str, dict[str, str]]:
    app = settings.apps[application]
    roles = names.roles(role_of(application, app))
    user = roles.readonly if role == "ro" else roles.readwrite
    options = {"PGOPTIONS": f"-c role={roles.owner}"} if role == "owner" else {}
    return database_of(application, app), user, options


def _branch(application: str, number: str, role: str) -> tuple[str, str, dict[str, str], str]:
    stack = names.pull_request_stack(parse_number(number))
    settings = settings_file.pull_request(stack)
    if not settings or application not in settings.pull_request.apps:
        raise ToolError(f"{stack} has no copy of {application}", f"make pr PR={number} APPS={application}")
    branch = settings.pull_request.branch(application)
    # A branch has one role, which owns all in it: reading only is then a matter of the session, not of its rights.
    options = {"PGOPTIONS": "-c default_transaction_read_only=on"} if role == "ro" else {}
    return branch, branch, options, stack


def _become_in_cluster(settings: EnvironmentSettings, env: str, database: str, options: str) -> None:
    """A session in the primary's own pod: whoever may open one there is an administrator, and takes on the role."""
    server = settings.server
    assert isinstance(server, CloudNativePgServer)  # noqa: S101 - the caller has asked
    require_cluster(settings, env)
    program = kubectl.find()
    context = ["--context", settings.cluster.context] if settings.cluster.context else []
    primary = f"service/{server.name}-rw"
    terminal = ["--tty"] if sys.stdin.isatty() else []
    command = [
        str(program), *context, "-n", server.namespace, "exec", "--stdin", *terminal, primary, "-c", "postgres", "--",
        "psql", f"dbname={database} options='{options}'",
    ]  # fmt: skip
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def _become(settings: EnvironmentSettings, engine: Engine, env: str, variables: dict[str, str]) -> None:
    administrator = servers.administrator(settings, engine, env)
    major = settings.server.version if isinstance(settings.server, EmbeddedServer) else 18
    program = postgres_binaries(major).psql
    where = {
        "PGHOST": administrator.dump_host or administrator.host,
        "PGPORT": str(administrator.port),
        "PGSSLMODE": "disable" if administrator.dump_host else administrator.sslmode,
    }
    sys.stdout.flush()
    os.execve(program, [str(program)], {**os.environ, **where, **variables})  # noqa: S606
