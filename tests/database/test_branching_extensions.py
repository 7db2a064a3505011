"""Extensions that act on their own, or that keep rows for their users.

pg_cron is played by an extension of its name with the same schema and table, without its library.
Doesn't prove: that pg_cron's own background worker leaves a copy alone; it works in one database of a server only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.database.branching_support import Live

pytest_plugins = ["tests.database.branching_fixtures"]

CONTROL = "default_version = '1.6'\nrelocatable = false\nschema = pg_catalog\n"
SCRIPT = """
CREATE SCHEMA cron;
CREATE TABLE cron.job (jobid bigserial PRIMARY KEY, schedule text, command text);
CREATE TABLE cron.job_run_details (runid bigint, command text);
SELECT pg_catalog.pg_extension_config_dump('cron.job', '');
"""


@pytest.fixture
def pg_cron(admin: psycopg.Connection, server_major: int) -> Iterator[None]:
    """An extension called pg_cron, that the server can make."""
    if server_major < 18:
        pytest.skip("extensions outside the server's own folder: PostgreSQL 18 (extension_control_path)")
    row = admin.execute("SHOW data_directory").fetchone()
    folder = Path(str(row[0] if row else "")).parent / "share" / "extension"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pg_cron.control").write_text(CONTROL)
    (folder / "pg_cron--1.6.sql").write_text(SCRIPT)
    admin.execute(f"ALTER SYSTEM SET extension_control_path = '$system:{folder.parent}'".encode())
    admin.execute("SELECT pg_reload_conf()")
    yield
    admin.execute("ALTER SYSTEM RESET extension_control_path")
    admin.execute("SELECT pg_reload_conf()")


@pytest.mark.usefixtures("pg_cron")
def test_a_cron_job_does_not_come_over_and_is_said(make_live: Callable[..., Live]) -> None:
    live = make_live("CREATE TABLE t (id int); INSERT INTO t VALUES (1)", "tables:\n  public.t:\n    id: keep\n")
    live.execute("CREATE EXTENSION pg_cron; INSERT INTO cron.job (schedule, command) VALUES ('* * * * *', 'VACUUM')")
    report = live.build()
    assert "1 rows of cron.job (extension pg_cron)" in report.metadata.dropped
    assert "extension pg_cron" in report.metadata.dropped
    live.branch(1)
    assert live.value("SELECT count(*) FROM t", "pr_1") == 1
    assert live.value("SELECT to_regnamespace('cron')", "pr_1") is None


@pytest.mark.usefixtures("pg_cron")
def test_what_the_builder_may_not_read_is_said_too(make_live: Callable[..., Live]) -> None:
    live = make_live("CREATE TABLE t (id int)", "tables:\n  public.t:\n    id: keep\n")
    live.execute("CREATE EXTENSION pg_cron")
    report = live.build(owner=live.owner)
    assert "rows of cron.job (extension pg_cron), if it has any" in report.metadata.dropped
