"""Builds that die, and builds that meet.

Doesn't prove: a crash of the server itself in the middle of a copy (a later issue's).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from branching.errors import SnapshotBusyError
from tests.database.branching_support import BRANCHER, Live

pytest_plugins = ["tests.database.branching_fixtures"]

ROOT = Path(__file__).resolve().parents[2]

STALLING_BUILDER = """
import signal, sys, time
from pathlib import Path
from branching import snapshot
from branching.connection import Server
# A shell that runs the tests in the background has it ignored, and every process below inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
host, port, user, ca, socket, application, database, rules, pg_dump, phase, password = sys.argv[1:]
server = Server(host=host, port=int(port), user=user, password=password, sslrootcert=ca, dump_host=socket)

def stall(progress):
    if progress.phase == phase:
        print("stalled", flush=True)
        time.sleep(600)

snapshot.build(snapshot.SnapshotRequest(server=server, application=application, database=database,
                                        rules_file=Path(rules), pg_dump=pg_dump), stall)
"""


@contextmanager
def stalled_builder(live: Live, phase: str) -> Iterator[subprocess.Popen[str]]:
    """A process that builds a snapshot and stops for good when it reaches `phase`."""
    server = live.server
    arguments = [server.host, str(server.port), server.user, server.sslrootcert, server.dump_host, live.application]
    arguments += [live.database, str(live.rules_file), live.pg_dump, phase, server.password]
    process = subprocess.Popen(
        [sys.executable, "-c", STALLING_BUILDER, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "stalled\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("phase", ["schema", "rows", "indexes", "vacuum", "verify", "publish"])
def test_a_killed_build_leaves_nothing_published_and_the_next_repairs(live: Live, phase: str) -> None:
    with stalled_builder(live, phase) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        left = live.found().of_source(live.database)
        assert [one.published for one in left] == [False]
    report = live.build()
    assert report.swept == (left[0].name,)
    assert [(one.name, one.published) for one in live.found().of_source(live.database)] == [(report.name, True)]


def test_a_second_builder_is_told_who_builds(live: Live) -> None:
    with (
        stalled_builder(live, "rows"),
        pytest.raises(SnapshotBusyError, match=rf"a snapshot of {live.database} is being built \(pid \d+\)"),
    ):
        live.build()


def test_an_interrupt_from_the_keyboard_cleans_up(live: Live) -> None:
    with stalled_builder(live, "indexes") as process:
        process.send_signal(signal.SIGINT)
        process.wait()
    assert live.found().of_source(live.database) == ()


def test_the_command_line_makes_lists_and_drops(live: Live) -> None:
    def run(*arguments: str, user: str = "", password: str = "", status: int = 0) -> str:
        server = live.server
        environment = os.environ | {
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": user or server.user,
            "PGPASSWORD": password or server.password,
            "PGSSLROOTCERT": server.sslrootcert,
            "SOCLE_DUMP_HOST": server.dump_host,
            "SOCLE_PG_DUMP": live.pg_dump,
            "SOCLE_BRANCH_PASSWORD": "from-the-environment",
        }
        done = subprocess.run(
            [sys.executable, "-m", "branching", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    bot = {"user": live.bot.user, "password": live.bot.password}
    assert live.bot.user == BRANCHER
    application = ["--app", live.application]
    assert f"make snapshot APP={live.application}" in run("branch", "--pr", "9", *application, **bot, status=1)
    made = json.loads(run("snapshot", *application, "--rules", str(live.rules_file), "--json"))
    assert made["metadata"]["version"] == 1
    assert "pr_9: made by WAL_LOG" in run("branch", "--pr", "9", *application, **bot)
    live.log_in("pr_9", "from-the-environment", "pr_9").close()
    assert "pr_9: kept with its data" in run("branch", "--pr", "9", *application, **bot)
    listed = json.loads(run("list", "--json", **bot))
    assert [one["name"] for one in listed["branches"]] == ["pr_9"]
    again = ("snapshot", *application, "--rules", str(live.rules_file), "--max-age-hours")
    assert "v1 has data of" in run(*again, "1")
    assert json.loads(run(*again, "0.000001", "--json"))["metadata"]["version"] == 2
    assert live.application in run("list", **bot)
    assert "pr_9: dropped" in run("drop", "pr_9", **bot)
    assert "is not a branch's name" in run("drop", "postgres", **bot, status=1)
