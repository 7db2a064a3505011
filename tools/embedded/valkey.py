"""The embedded cache: Valkey on loopback, where every user has a password and the default user is off."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import redis
from filelock import FileLock

from stacks.embedded import EmbeddedServer, description_file, read_description, write_description
from tools import paths
from tools.embedded import account as accounts
from tools.embedded import files, ports, processes
from tools.embedded.account import Account
from tools.embedded.binaries import valkey_server
from tools.embedded.status import ServerStatus
from tools.errors import ToolError

HOST = "127.0.0.1"
NAME = "cache"
ADMIN = "socle-admin"
"""Not `admin`, which an application may be called: its ACL user bears its name."""
START_TIMEOUT = 60
"""Seconds; a large append-only file is read before the first answer."""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "UTC"}


@dataclass(frozen=True, kw_only=True)
class ValkeySpec:
    """The cache to run on this machine."""

    home: Path
    """The folder of everything the checkout generates (tools.paths.home())."""
    port: int = 6379
    name: str = NAME
    setting: str = "socle:cache, port"
    """The key of Pulumi.local.yaml and the field below it that hold this port, for messages."""

    @property
    def directory(self) -> Path:
        return self.home / "servers" / self.name

    @property
    def password_file(self) -> Path:
        return self.directory / "admin.password"

    @property
    def pid_file(self) -> Path:
        return self.directory / "process.json"

    @property
    def log_file(self) -> Path:
        return self.directory / "valkey.log"


def start(spec: ValkeySpec) -> EmbeddedServer:
    """Start the cache, wait until its administrator can log in, and record and return its description.

    Idempotent; a changed port restarts it. What applications keep there survives (append-only file, written every
    second), and so do the ACL users that were made with `ACL SETUSER` and saved with `ACL SAVE`. Raises ToolError if
    the port is taken by another program or the server does not come up.
    """
    account = accounts.server_account()
    program = valkey_server()
    where = accounts.make_place(spec.home, spec.name, account)
    with FileLock(paths.private_dir(spec.directory) / "lock"):
        password = files.secret(spec.password_file)
        _stop_if_changed(spec)
        files.write(where / "valkey.conf", render_settings(spec, where), mode=0o600, account=account)
        if not processes.is_running(spec.pid_file):
            _launch(spec, program, where, account, password)
        server = EmbeddedServer(
            name=spec.name,
            host=HOST,
            port=spec.port,
            admin=ADMIN,
            admin_password_file=str(spec.password_file.absolute()),
            version=_wait_for_login(spec, password),
        )
        write_description(spec.home, server)
    return server


def stop(spec: ValkeySpec) -> bool:
    """Stop the cache after it has written what it holds; True if it ran."""
    return processes.stop(spec.pid_file)


def status(spec: ValkeySpec) -> ServerStatus:
    """What the cache is doing, without logging in."""
    process = processes.find(spec.pid_file)
    described = read_description(spec.home, spec.name)
    return ServerStatus(
        name=spec.name,
        running=process is not None,
        pid=process.pid if process else None,
        port=spec.port,
        version=described.version if described else "",
    )


def destroy(spec: ValkeySpec) -> None:
    """Stop the cache and delete its data, users and passwords."""
    stop(spec)
    accounts.remove_place(spec.home, spec.name, accounts.server_account())


def recorded(home: Path) -> ValkeySpec | None:
    """What the cache was last started as, or None if it never was."""
    described = description_file(home, NAME)
    if not described.exists():
        return None
    return ValkeySpec(home=home, port=int(json.loads(described.read_text(encoding="utf-8"))["port"]))


def render_settings(spec: ValkeySpec, where: Path) -> str:
    """The text of `valkey.conf`. Pure."""
    settings = {
        "bind": "127.0.0.1 -::1",
        "port": str(spec.port),
        "protected-mode": "yes",
        "daemonize": "no",
        "dir": f'"{where}"',
        "aclfile": f'"{where / "users.acl"}"',
        "appendonly": "yes",
        "appendfsync": "everysec",
        # The append-only file has it all; a snapshot beside it would be a second, older truth.
        "save": '""',
    }
    return "\n".join(["# Written by Socle at every start.", *(f"{k} {v}" for k, v in settings.items()), ""])


def merge_users(existing: str, password: str) -> str:
    """The ACL file with Socle's two users as they must be, and everyone else's as they are. Pure."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    ours = ["user default off resetpass resetkeys resetchannels -@all", f"user {ADMIN} on #{digest} ~* &* +@all"]
    others = [line for line in existing.splitlines() if line.strip() and line.split()[1] not in ("default", ADMIN)]
    return "\n".join([*ours, *others, ""])


def _stop_if_changed(spec: ValkeySpec) -> None:
    """The port is all that changes; a taken one is refused before anything is stopped for it."""
    was = recorded(spec.home)
    if was is not None and was.port != spec.port:
        ports.require_free(spec.port, purpose="the cache", setting=spec.setting)
        processes.stop(spec.pid_file)


def _launch(spec: ValkeySpec, program: Path, where: Path, account: Account, password: str) -> None:
    ports.require_free(spec.port, purpose="the cache", setting=spec.setting)
    users = where / "users.acl"
    existing = users.read_text(encoding="utf-8") if users.exists() else ""
    files.write(users, merge_users(existing, password), mode=0o600, account=account)
    processes.start_detached(
        [str(program), str(where / "valkey.conf")],
        pid_file=spec.pid_file,
        log_file=spec.log_file,
        env=ENVIRONMENT,
        account=account,
        cwd=where,
    )


def _wait_for_login(spec: ValkeySpec, password: str) -> str:
    """The server's version, once it answers its administrator."""
    deadline = time.monotonic() + START_TIMEOUT
    with redis.Redis(host=HOST, port=spec.port, username=ADMIN, password=password, decode_responses=True) as client:
        while True:
            try:
                said: dict[str, str] = client.info("server")
                return str(said.get("valkey_version") or said["redis_version"])
            except (redis.ConnectionError, redis.BusyLoadingError) as error:
                refused = isinstance(error, redis.AuthenticationError)
                if refused or time.monotonic() > deadline or not processes.is_running(spec.pid_file):
                    raise ToolError(
                        f"The cache does not answer its administrator: {error}\n{processes.tail(spec.log_file)}",
                        f"The log is {spec.log_file}.",
                    ) from error
            time.sleep(0.05)
