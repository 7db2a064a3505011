"""Make a server's data directory, whole or not at all."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tools.embedded import files
from tools.embedded.account import Account
from tools.embedded.binaries import Binaries
from tools.embedded.layout import Layout, PostgresSpec
from tools.errors import ToolError

ADMIN = "postgres"
SERVER_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}
"""The whole of it: PGDATA, PGHOST or a French LC_MESSAGES of the caller's shell would reach the server otherwise."""

# A new role may connect to every database that PUBLIC may, so nothing is PUBLIC's from the first start.
CLOSE_TO_PUBLIC = {
    "postgres": ("REVOKE ALL ON DATABASE postgres FROM PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
    "template1": ("REVOKE ALL ON DATABASE template1 FROM PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
}


def ensure_data(spec: PostgresSpec, layout: Layout, binaries: Binaries, account: Account) -> None:
    """Make the data directory unless a complete one is there.

    All the work is done in `data.partial`, and a rename ends it: what an interrupted run left is thrown away, and
    `data` is never removed once it exists. The server must be stopped. Raises ToolError if the data are another
    major's, or if initdb fails.
    """
    if layout.data.exists():
        _refuse_other_major(spec, layout)
        if not layout.password_file.exists():
            _reset_password(layout, binaries, account)
        return
    _remove(layout.half_made)
    password = files.secret(layout.password_file)
    _initdb(spec, layout, binaries, account, password)
    for database, statements in CLOSE_TO_PUBLIC.items():
        single_user(binaries, layout.half_made, account, database, statements)
    included = layout.half_made / "postgresql.conf"
    text = included.read_text(encoding="utf-8") + "\ninclude 'socle.conf'\n"
    files.write(included, text, mode=0o600, account=account)
    layout.half_made.replace(layout.data)


def single_user(binaries: Binaries, data: Path, account: Account, database: str, statements: Sequence[str]) -> None:
    """Run one-line statements as superuser in a database of a stopped server, without any password.

    Raises ToolError on the first error; single-user mode itself ends well whatever happened.
    """
    command = [str(binaries.postgres), "--single", "-D", str(data), "-c", "logging_collector=off", database]
    done = _run(command, account, data.parent, feed="".join(f"{statement};\n" for statement in statements))
    output = done.stdout + done.stderr
    if done.returncode != 0 or "ERROR:" in output or "FATAL:" in output:
        raise ToolError(f"PostgreSQL could not be set up in database {database}:\n{_indent(output)}")


def _initdb(spec: PostgresSpec, layout: Layout, binaries: Binaries, account: Account, password: str) -> None:
    password_file = layout.where / "initdb.password"
    files.write(password_file, password + "\n", mode=0o600, account=account)
    command = [
        str(binaries.initdb),
        f"--pgdata={layout.half_made}",
        f"--username={ADMIN}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # ICU's root locale: the same order of é, e and z on Linux and macOS and on every major, which neither the
        # system's locales nor the C.UTF-8 of 17 and later give, and close to the en_US.UTF-8 of managed servers.
        "--locale=C",
        "--locale-provider=icu",
        "--icu-locale=und",
        "--data-checksums",
        "--no-instructions",
        *([] if spec.durable else ["--no-sync"]),
    ]
    try:
        done = _run(command, account, layout.where)
    finally:
        password_file.unlink(missing_ok=True)
    if done.returncode != 0:
        raise ToolError(f"initdb failed in {layout.half_made}:\n{_indent(done.stdout + done.stderr)}")


def _reset_password(layout: Layout, binaries: Binaries, account: Account) -> None:
    """The file was lost, or all of `.socle` while the data lay elsewhere: the data outlive their password."""
    password = files.secret(layout.password_file)
    try:
        single_user(binaries, layout.data, account, "postgres", [f"ALTER ROLE {ADMIN} PASSWORD '{password}'"])
    except ToolError:
        layout.password_file.unlink()
        raise


def _refuse_other_major(spec: PostgresSpec, layout: Layout) -> None:
    found = (layout.data / "PG_VERSION").read_text(encoding="utf-8").strip()
    if found != str(spec.major):
        raise ToolError(
            f"{layout.data} holds PostgreSQL {found}'s data; the settings ask for {spec.major}.",
            f"Pulumi.local.yaml, below `socle:server:`: `version: {found}`, or `make destroy` to start afresh.",
        )


def _run(command: Sequence[str], account: Account, cwd: Path, *, feed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=feed, capture_output=True, text=True, cwd=cwd, env=SERVER_ENVIRONMENT,
                          check=False, **account.run_as())  # fmt: skip


def _remove(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-15:])
