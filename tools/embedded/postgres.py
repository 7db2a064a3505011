"""The embedded PostgreSQL server: start, stop, status, destroy. Each may be repeated, and interrupted at any moment."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from filelock import FileLock

from stacks.embedded import EmbeddedServer, description_file, write_description
from tools import paths
from tools.embedded import account as accounts
from tools.embedded import files, ports, postgres_config, postgres_init, postmaster, processes, tls
from tools.embedded.account import Account
from tools.embedded.binaries import Binaries, postgres_binaries
from tools.embedded.layout import Layout, PostgresSpec
from tools.embedded.status import ServerStatus
from tools.errors import ToolError

HOST = "localhost"
START_TIMEOUT = 120
"""Seconds; recovery after a crash of a large database comes before the first login."""
STOP_TIMEOUT = 60
PRELOAD = ("pg_stat_statements",)


def ensure_initialised(spec: PostgresSpec) -> None:
    """Fetch the programs and make the data directory and certificates, unless they are there. Starts nothing.

    Raises ToolError without network at first use, for data of another major, or if initdb fails.
    """
    account, layout, binaries = _parts(spec)
    with _locked(spec):
        if postmaster.running(layout.data) is None:
            _prepare(spec, layout, binaries, account)


def start(spec: PostgresSpec) -> EmbeddedServer:
    """Start the server, wait until the administrator can log in over TLS, and record and return its description.

    Idempotent: a running server is left alone unless its settings changed (then restarted) or its certificate was
    renewed (then reloaded). Works after a stop, a reboot, a `kill -9` and a killed initdb. Raises ToolError if the
    port is taken by another program, with its name and the line that chooses another port, or with the server's last
    log lines if it does not come up.
    """
    account, layout, binaries = _parts(spec)
    with _locked(spec):
        server = _describe(spec, layout, binaries)
        try:
            _bring_up(spec, layout, binaries, account, server)
        except _DiedMeanwhileError:
            # It was found running in the moment of its death.
            _bring_up(spec, layout, binaries, account, server)
        _record(spec, layout)
        write_description(spec.home, server)
    return server


def stop(spec: PostgresSpec) -> bool:
    """Stop the server, ending its sessions; True if it ran. The data stay."""
    account = accounts.server_account()
    layout = Layout.of(spec, account)
    if not layout.data.exists():
        return False
    with _locked(spec):
        return _stop(layout, postgres_binaries(spec.major), account)


def status(spec: PostgresSpec) -> ServerStatus:
    """What the server is doing, without logging in."""
    layout = Layout.of(spec, accounts.server_account())
    process = postmaster.running(layout.data)
    version = _recorded_version(spec)
    return ServerStatus(
        name=spec.name,
        running=process is not None,
        pid=process.pid if process else None,
        port=spec.port,
        version=version,
    )


def destroy(spec: PostgresSpec) -> None:
    """Stop the server and delete its data, logs, certificates and passwords, wherever they lie."""
    account = accounts.server_account()
    layout = Layout.of(spec, account)
    if spec.directory.exists():
        stop(spec)
    postmaster_left = postmaster.children(layout.data) if layout.data.exists() else []
    processes.end(postmaster_left, timeout=2)
    if layout.socket_dir.parent != layout.where:
        shutil.rmtree(layout.socket_dir, ignore_errors=True)
    accounts.remove_place(spec.home, spec.name, account)


def recorded(home: Path, name: str) -> PostgresSpec | None:
    """What the server `name` was last started as, or None if it never was or is no PostgreSQL."""
    spec_file = home / "servers" / name / "spec.json"
    if not spec_file.exists():
        return None
    said = json.loads(spec_file.read_text(encoding="utf-8"))
    return PostgresSpec(home=home, **said) if "major" in said else None


def _parts(spec: PostgresSpec) -> tuple[Account, Layout, Binaries]:
    account = accounts.server_account()
    binaries = postgres_binaries(spec.major)
    accounts.make_place(spec.home, spec.name, account)
    return account, Layout.of(spec, account), binaries


@contextmanager
def _locked(spec: PostgresSpec) -> Iterator[None]:
    """One start or stop of a server at a time; two would each see the other's half."""
    with FileLock(paths.private_dir(spec.directory) / "lock"):
        yield


class _DiedMeanwhileError(ToolError):
    """The server is gone, though it was there a moment ago."""


def _bring_up(spec: PostgresSpec, layout: Layout, binaries: Binaries, account: Account, server: EmbeddedServer) -> None:
    _adopt_or_prepare(spec, layout, binaries, account)
    if postmaster.running(layout.data) is None:
        _require_port(spec, also_own=True)
        _launch(layout, binaries, account)
    _wait_for_login(server, layout)


def _adopt_or_prepare(spec: PostgresSpec, layout: Layout, binaries: Binaries, account: Account) -> None:
    """Leave the server running as it should be, or stopped and ready to be launched."""
    if postmaster.running(layout.data) is not None:
        if layout.password_file.exists() and _configured(spec, layout, binaries):
            if tls.ensure_certificates(layout.directory, layout.tls, account):
                _pg_ctl(binaries, layout, account, "reload")
            return
        _require_port(spec)
        _stop(layout, binaries, account)
    elif layout.data.exists():
        postmaster.clear_stale(layout.data, layout.socket_dir)
    _prepare(spec, layout, binaries, account)


def _require_port(spec: PostgresSpec, *, also_own: bool = False) -> None:
    """Refuse a taken port; before the server is stopped for a restart, the port that it has itself is no obstacle."""
    was = recorded(spec.home, spec.name)
    if also_own or was is None or was.port != spec.port:
        ports.require_free(spec.port, purpose=f"PostgreSQL server {spec.name}", setting=spec.setting)


def _prepare(spec: PostgresSpec, layout: Layout, binaries: Binaries, account: Account) -> None:
    for directory in (layout.logs, layout.tls, layout.socket_dir):
        directory.mkdir(mode=0o700, exist_ok=True)
        _refuse_foreign(directory, account)
        account.own(directory)
    tls.ensure_certificates(layout.directory, layout.tls, account)
    postgres_init.ensure_data(spec, layout, binaries, account)
    files.write(layout.data / "socle.conf", _settings(spec, layout, binaries), mode=0o600, account=account)
    files.write(layout.data / "pg_hba.conf", postgres_config.HBA, mode=0o600, account=account)


def _refuse_foreign(directory: Path, account: Account) -> None:
    """In /tmp anyone could have made the socket's folder first, and would then read every password sent to it."""
    if directory.is_symlink() or directory.stat().st_uid not in (account.uid, 0):
        raise ToolError(f"{directory} belongs to another user.", f"rm -r {directory}")


def _configured(spec: PostgresSpec, layout: Layout, binaries: Binaries) -> bool:
    """Whether the server's files say what they should; one that runs was started by them."""
    wanted = {"socle.conf": _settings(spec, layout, binaries), "pg_hba.conf": postgres_config.HBA}
    return all((layout.data / name).read_text(encoding="utf-8") == text for name, text in wanted.items())


def _settings(spec: PostgresSpec, layout: Layout, binaries: Binaries) -> str:
    return postgres_config.render_settings(spec, layout, preload=[p for p in PRELOAD if binaries.has_library(p)])


def _launch(layout: Layout, binaries: Binaries, account: Account) -> None:
    startup = layout.logs / "startup.log"
    startup.unlink(missing_ok=True)
    done = _pg_ctl(binaries, layout, account, "start", f"--log={startup}", f"--timeout={START_TIMEOUT}")
    if done.returncode != 0:
        raise ToolError(f"PostgreSQL did not start:\n{_last_words(layout)}", f"The logs are in {layout.logs}.")


def _stop(layout: Layout, binaries: Binaries, account: Account) -> bool:
    process = postmaster.running(layout.data)
    if process is None:
        postmaster.clear_stale(layout.data, layout.socket_dir)
        return False
    done = _pg_ctl(binaries, layout, account, "stop", "--mode=fast", f"--timeout={STOP_TIMEOUT}")
    if done.returncode != 0 or not processes.wait_for_end(process, 5):
        _pg_ctl(binaries, layout, account, "stop", "--mode=immediate", f"--timeout={STOP_TIMEOUT}")
    return True


def _pg_ctl(
    binaries: Binaries, layout: Layout, account: Account, action: str, *options: str
) -> subprocess.CompletedProcess[bytes]:
    # Not captured through pipes: the server inherits them, and reading would wait for the server's end.
    return subprocess.run(
        [str(binaries.pg_ctl), action, f"--pgdata={layout.data}", "--silent", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=layout.where,
        env=postgres_init.SERVER_ENVIRONMENT,
        check=False,
        **account.run_as(),
    )


def _wait_for_login(server: EmbeddedServer, layout: Layout) -> None:
    """A listening port is no proof: the certificate, the password and recovery's end are."""
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            connect(server).close()
            return
        except psycopg.OperationalError as error:
            if "the database system is" not in str(error) or time.monotonic() > deadline:
                kind = _DiedMeanwhileError if _is_gone(layout) else ToolError
                raise kind(
                    f"The administrator of PostgreSQL can't log in: {error}\n{_last_words(layout)}",
                    f"The logs are in {layout.logs}.",
                ) from error
        time.sleep(0.1)


def _is_gone(layout: Layout) -> bool:
    process = postmaster.running(layout.data)
    return process is None or processes.wait_for_end(process, 1)


def connect(server: EmbeddedServer, dbname: str = "postgres") -> psycopg.Connection:
    """An autocommit connection as the server's administrator, with `verify-full`."""
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.admin,
        password=server.admin_password,
        dbname=dbname,
        sslmode="verify-full",
        sslrootcert=server.ca_file,
        connect_timeout=10,
        autocommit=True,
    )


def _describe(spec: PostgresSpec, layout: Layout, binaries: Binaries) -> EmbeddedServer:
    return EmbeddedServer(
        name=spec.name,
        host=HOST,
        port=spec.port,
        admin=postgres_init.ADMIN,
        admin_password_file=str(layout.password_file.absolute()),
        ca_file=str(layout.ca_file.absolute()),
        socket_dir=str(layout.socket_dir),
        version=binaries.version,
    )


def _record(spec: PostgresSpec, layout: Layout) -> None:
    said = {
        "name": spec.name,
        "port": spec.port,
        "major": spec.major,
        "durable": spec.durable,
        "setting": spec.setting,
    }
    files.write(layout.spec_file, json.dumps(said, indent=2) + "\n")


def _recorded_version(spec: PostgresSpec) -> str:
    described = description_file(spec.home, spec.name)
    if not described.exists():
        return ""
    return str(json.loads(described.read_text(encoding="utf-8")).get("version", ""))


def _last_words(layout: Layout) -> str:
    """The end of the newest log that says anything."""
    logs = sorted(layout.logs.glob("*.log"), key=lambda log: log.stat().st_mtime)
    said = [processes.tail(log) for log in logs]
    return next((words for words in reversed(said) if words), "    (the logs are empty)")
