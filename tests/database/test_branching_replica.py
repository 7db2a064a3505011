"""The rows of a snapshot read from a real standby."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from branching import snapshot
from branching.connection import Server, connect, environment
from branching.progress import Progress
from stacks.embedded import EmbeddedServer
from tests.database.branching_support import Live
from tests.database.own_server import fixtures
from tools.embedded import account
from tools.embedded.binaries import postgres_binaries
from tools.embedded.layout import Layout, PostgresSpec
from tools.embedded.ports import free_port

pytest_plugins = ["tests.database.branching_fixtures"]
spec, server = fixtures(durable=True)


@pytest.fixture
def standby(server: EmbeddedServer, spec: PostgresSpec) -> Iterator[Server]:
    """A hot standby of the server, on a port of its own."""
    who, layout, port = account.server_account(), Layout.of(spec, account.server_account()), free_port()
    admin = Server(host=server.socket_dir, port=server.port, user=server.admin, password=server.admin_password)
    hba = layout.data / "pg_hba.conf"
    hba.write_text(hba.read_text() + "local replication all scram-sha-256\n")
    with connect(admin) as connection:
        connection.execute("SELECT pg_reload_conf()")
    data = layout.where / "standby"
    programs = postgres_binaries(spec.major)
    command = [str(programs.pg_dump.with_name("pg_basebackup")), "-D", str(data), "-R", "-X", "stream", "-c", "fast"]
    subprocess.run(command, env=environment(admin, "postgres") | {"PGSSLMODE": "disable"}, check=True)
    _give(data, who)
    # The clients can be newer than the server, and then -R writes options that it doesn't know.
    primary = f"host={admin.host} port={admin.port} user={admin.user} password={admin.password}"
    settings = ["-c", "logging_collector=off", "-c", f"primary_conninfo={primary}"]
    run = [str(programs.postgres), "-D", str(data), "-p", str(port), *settings]
    process = subprocess.Popen(run, stderr=subprocess.DEVNULL, **who.run_as())
    found = replace(admin, host=server.host, port=port, sslrootcert=server.ca_file, dump_host=server.socket_dir)
    try:
        _wait(found)
        yield found
    finally:
        process.terminate()
        process.wait(30)


def _give(folder: Path, who: account.Account) -> None:
    if who.switches:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, who.uid, who.gid)


def _wait(server: Server) -> None:
    for _ in range(150):
        try:
            connect(server).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the standby did not come up")


def test_the_rows_are_read_from_the_standby(make_live: Callable[..., Live], standby: Server) -> None:
    schema = (
        "CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t SELECT i, 'x' FROM generate_series(1, 5000) i"
    )
    live = make_live(schema, "tables:\n  public.t:\n    id: keep\n    note: hash\n")
    _until_it_has(standby, live)
    readers: dict[str, int] = {}

    def look(step: Progress) -> None:
        if step.phase == "rows":
            for name, one in (("live", live.server), ("standby", standby)):
                with connect(one) as connection:
                    query = """SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND xact_start IS NOT NULL
                               AND application_name = 'socle branching' AND pid <> pg_backend_pid()"""
                    row = connection.execute(query, (live.database,)).fetchone()
                    readers[name] = max(readers.get(name, 0), int(str(row[0])) if row else 0)

    report = snapshot.build(live.request(salt="s" * 64, replica=standby), look)
    assert report.rows == {"public.t": 5000}
    assert readers["standby"] >= 1
    assert readers["live"] == 0
    live.branch(1)
    assert live.value("SELECT count(DISTINCT note) FROM t", "pr_1") == 1


def _until_it_has(standby: Server, live: Live) -> None:
    wanted = live.value("SELECT pg_current_wal_lsn()")
    with connect(standby) as connection:
        for _ in range(100):
            row = connection.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (wanted,)).fetchone()
            if row and row[0]:
                return
            time.sleep(0.1)
    raise AssertionError("the standby lags")
