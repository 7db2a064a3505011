"""The embedded server as its users meet it: TLS, passwords, extensions, faults.

Does not prove macOS, a real reboot (a stale pid file stands for it), nor what an ordinary user's run does when the
tests run as root. The whole file runs on 15, 16 and 17 with SOCLE_TEST_PG_MAJOR.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from stacks.embedded import EmbeddedServer, read_description
from tests.database.conftest import Connection, Login
from tools.embedded import postgres, postmaster, supervisor
from tools.embedded.account import server_account
from tools.embedded.binaries import postgres_binaries
from tools.embedded.layout import Layout, PostgresSpec
from tools.embedded.ports import free_port
from tools.errors import ToolError

CONTRIB = ("pg_trgm", "pgcrypto", "uuid-ossp", "citext", "hstore", "unaccent", "btree_gin", "ltree", "postgres_fdw")
WITH_PGVECTOR = (16, 18)


def as_admin(server: EmbeddedServer, **options: object) -> Connection:
    parameters: dict[str, object] = {
        "host": server.host, "port": server.port, "user": server.admin, "password": server.admin_password,
        "dbname": "postgres", "sslmode": "verify-full", "sslrootcert": server.ca_file, "connect_timeout": 10,
    }  # fmt: skip
    connection: Connection = psycopg.connect(**(parameters | options))  # type: ignore[arg-type]
    return connection


def one(connection: Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def own(tmp_path: Path, server_major: int) -> Iterator[PostgresSpec]:
    """A server of the test's own, to be broken; not started yet."""
    spec = PostgresSpec(name="main", home=tmp_path, port=free_port(), major=server_major, durable=False)
    yield spec
    postgres.destroy(spec)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def data_of(spec: PostgresSpec) -> Path:
    return Layout.of(spec, server_account()).data


class TestAccess:
    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
    def test_tls_is_verified_in_full(self, server: EmbeddedServer, host: str) -> None:
        if host not in {"localhost", *(str(found[4][0]) for found in socket.getaddrinfo("localhost", None))}:
            pytest.skip(f"localhost is not {host} on this machine, so nothing listens there")
        with as_admin(server, host=host) as connection:
            assert one(connection, "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "TLSv1.3"

    def test_another_name_than_the_certificates_is_refused(self, server: EmbeddedServer) -> None:
        with pytest.raises(psycopg.OperationalError, match="does not match host name"):
            as_admin(server, host="elsewhere.example", hostaddr="127.0.0.1")

    def test_another_authority_is_refused(self, server: EmbeddedServer, own: PostgresSpec) -> None:
        other = postgres.start(own)
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            as_admin(server, sslrootcert=other.ca_file)

    def test_plain_tcp_is_refused(self, server: EmbeddedServer) -> None:
        with pytest.raises(psycopg.OperationalError, match="no encryption"):
            as_admin(server, sslmode="disable")

    @pytest.mark.parametrize("way", ["tcp", "socket"])
    @pytest.mark.parametrize("password", ["wrong", ""])
    def test_a_wrong_or_missing_password_is_refused(self, server: EmbeddedServer, way: str, password: str) -> None:
        host = server.socket_dir if way == "socket" else server.host
        mode = "disable" if way == "socket" else "verify-full"
        with pytest.raises(psycopg.OperationalError, match=r"password authentication failed|no password supplied"):
            as_admin(server, host=host, sslmode=mode, password=password)

    def test_listens_on_loopback_only(self, server: EmbeddedServer) -> None:
        heard = [c.laddr.ip for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == server.port]
        assert set(heard) <= {"127.0.0.1", "::1"}

    @pytest.mark.parametrize("database", ["postgres", "template1"])
    def test_a_new_role_can_not_connect_to_the_servers_own_databases(
        self, admin: Connection, login: Login, database: str
    ) -> None:
        admin.execute("CREATE ROLE nobody_yet LOGIN PASSWORD 'pw'")
        try:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                login("nobody_yet", "pw", database)
        finally:
            admin.execute("DROP ROLE nobody_yet")

    def test_the_password_file_is_private(self, server: EmbeddedServer) -> None:
        assert Path(server.admin_password_file).stat().st_mode & 0o077 == 0

    def test_the_clients_connect_through_the_socket(self, server: EmbeddedServer, server_major: int) -> None:
        programs = postgres_binaries(server_major)
        environment = {"PGPASSWORD": server.admin_password, "PATH": os.environ["PATH"]}
        options = [f"--host={server.socket_dir}", f"--port={server.port}", f"--username={server.admin}"]
        for program, more in ((programs.psql, ["-Atc", "SELECT 42", "postgres"]), (programs.pg_dump, ["postgres"])):
            done = subprocess.run([str(program), *options, *more], env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            assert "42" in done.stdout or "PostgreSQL database dump complete" in done.stdout


class TestSettings:
    def test_contrib_and_pgvector_work(
        self, server: EmbeddedServer, database: Callable[..., str], server_major: int
    ) -> None:
        with postgres.connect(server, database()) as connection:
            for extension in (*CONTRIB, *(["vector"] if server_major in WITH_PGVECTOR else [])):
                connection.execute(f'CREATE EXTENSION "{extension}"'.encode())
            if server_major in WITH_PGVECTOR:
                assert one(connection, "SELECT '[1,2]'::vector <-> '[1,4]'::vector") == 2.0

    def test_an_unlike_locale_can_not_creep_in(self, admin: Connection) -> None:
        assert one(admin, "SHOW server_encoding") == "UTF8"
        ordered = "SELECT string_agg(w, '' ORDER BY w) FROM unnest(array['z','é','e','f','E']) w"
        assert one(admin, ordered) == "eEéfz"
        assert one(admin, "SELECT upper('é')") == "É"

    def test_checksums_are_on_and_durability_is_off_here(self, admin: Connection) -> None:
        assert one(admin, "SHOW data_checksums") == "on"
        assert [one(admin, f"SHOW {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")] == [
            "off"
        ] * 3

    def test_a_durable_server_keeps_postgresqls_promises(self, own: PostgresSpec) -> None:
        durable = dataclasses.replace(own, durable=True)
        with postgres.connect(postgres.start(durable)) as connection:
            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                assert one(connection, f"SHOW {name}") == "on"

    def test_no_password_reaches_logs_or_statistics(
        self, server: EmbeddedServer, admin: Connection, database: Callable[..., str]
    ) -> None:
        admin.execute("CREATE ROLE twice PASSWORD 'pass-in-the-log'")
        with pytest.raises(psycopg.errors.DuplicateObject):
            admin.execute("CREATE ROLE twice PASSWORD 'pass-in-the-log'")
        admin.execute("DROP ROLE twice")
        with postgres.connect(server, database()) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            assert one(connection, "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%pass-in-%the-log%'") == 0
        logs = list((Path(server.admin_password_file).parent / "log").glob("*.log"))
        text = "".join(log.read_text() for log in logs)
        assert 'role "twice" already exists' in text
        assert "pass-in-the-log" not in text


class TestLifecycle:
    def test_start_twice_is_one_server(self, own: PostgresSpec) -> None:
        first = postgres.start(own)
        pid = postgres.status(own).pid
        assert postgres.start(own) == first == read_description(own.home, own.name)
        assert postgres.status(own).pid == pid

    def test_data_survive_a_stop(self, own: PostgresSpec) -> None:
        with postgres.connect(postgres.start(own)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
        assert postgres.stop(own)
        assert not postgres.stop(own)
        assert not postgres.status(own).running
        with postgres.connect(postgres.start(own)) as connection:
            assert one(connection, "SELECT x FROM kept") == 1

    def test_a_stop_ends_open_sessions(self, own: PostgresSpec) -> None:
        connection = postgres.connect(postgres.start(own))
        started = time.monotonic()
        assert postgres.stop(own)
        assert time.monotonic() - started < 10
        connection.close()

    def test_after_kill_9_of_the_postmaster(self, own: PostgresSpec) -> None:
        durable = dataclasses.replace(own, durable=True)
        busy = postgres.connect(postgres.start(durable))
        busy.execute("CREATE TABLE kept AS SELECT 1 AS x")
        pid = postgres.status(durable).pid
        assert pid is not None
        psutil.Process(pid).kill()
        with postgres.connect(postgres.start(durable)) as connection:
            assert one(connection, "SELECT x FROM kept") == 1
        busy.close()

    def test_after_kill_9_while_a_session_computes(self, own: PostgresSpec) -> None:
        """A backend in the middle of a long statement outlives its postmaster and holds the shared memory."""
        server = postgres.start(own)
        busy = postgres.connect(server)
        backend = busy.info.backend_pid
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b")
        pid = postgres.status(own).pid
        assert pid is not None
        psutil.Process(pid).kill()
        time.sleep(0.2)
        assert alive(backend)
        postgres.start(own)
        assert not alive(backend)
        busy.close()

    def test_after_a_reboot_that_gave_the_number_to_another(self, own: PostgresSpec) -> None:
        postgres.start(own)
        file = data_of(own) / "postmaster.pid"
        left = file.read_text()
        postgres.stop(own)
        file.write_text(left.replace(left.splitlines()[0], str(os.getpid()), 1))
        server_account().own(file)
        assert not postgres.status(own).running
        postgres.start(own)
        assert postgres.status(own).pid != os.getpid()

    def test_after_an_initdb_that_was_killed(self, own: PostgresSpec) -> None:
        data = data_of(own)
        postgres.start(own)
        postgres.stop(own)
        half = data.with_name("data.partial")
        data.rename(half)
        (half / "pg_hba.conf").unlink()
        with postgres.connect(postgres.start(own)) as connection:
            assert one(connection, "SELECT 1") == 1
        assert not half.exists()

    def test_complete_data_are_never_removed(self, own: PostgresSpec) -> None:
        with postgres.connect(postgres.start(own)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
        postgres.stop(own)
        # All of .socle is deleted; as root the data lie elsewhere, otherwise they are kept aside for the trial.
        for name in ("admin.password", "ca.pem", "ca.key", "spec.json", "server.json"):
            (own.directory / name).unlink()
        with postgres.connect(postgres.start(own)) as connection:
            assert one(connection, "SELECT x FROM kept") == 1

    def test_a_lost_password_is_mended_while_the_server_runs(self, own: PostgresSpec) -> None:
        server = postgres.start(own)
        Path(server.admin_password_file).unlink()
        postgres.connect(postgres.start(own)).close()

    def test_a_changed_port_moves_the_server(self, own: PostgresSpec) -> None:
        postgres.start(own)
        moved = dataclasses.replace(own, port=free_port())
        assert postgres.start(moved).port == moved.port
        with pytest.raises(psycopg.OperationalError):
            as_admin(read_description(own.home, own.name) or pytest.fail(), port=own.port)

    def test_a_taken_port_is_named_and_the_running_server_stays(self, own: PostgresSpec) -> None:
        before = postgres.start(own)
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            wanted = dataclasses.replace(own, port=port)
            with pytest.raises(ToolError, match=rf"Port {port}, .* \(process {os.getpid()}\)"):
                postgres.start(wanted)
        postgres.connect(before).close()

    def test_another_majors_data_are_refused_and_kept(self, own: PostgresSpec, server_major: int) -> None:
        postgres.ensure_initialised(own)
        version = data_of(own) / "PG_VERSION"
        version.write_text("14\n")
        with pytest.raises(ToolError, match=rf"PostgreSQL 14's data; the settings ask for {server_major}") as caught:
            postgres.start(own)
        assert "version: 14" in caught.value.remedy
        version.write_text(f"{server_major}\n")

    def test_a_server_that_does_not_start_shows_its_log(self, own: PostgresSpec) -> None:
        postgres.start(own)
        postgres.stop(own)
        with (data_of(own) / "postgresql.conf").open("a") as settings:
            settings.write("shared_buffers = 'nonsense'\n")
        with pytest.raises(ToolError, match="shared_buffers"):
            postgres.start(own)

    def test_destroy_leaves_nothing(self, own: PostgresSpec) -> None:
        postgres.start(own)
        data = data_of(own)
        postgres.destroy(own)
        assert postmaster.children(data) == []
        assert not data.parent.exists()
        assert not own.directory.exists()
        assert not any(own.home.glob("servers/*"))

    def test_the_supervisor_starts_again_what_it_stopped(self, own: PostgresSpec) -> None:
        server = postgres.start(own)
        assert supervisor.stop_all(own.home) == ["main"]
        assert supervisor.stop_all(own.home) == []
        supervisor.start_all(own.home)
        assert [(s.name, s.running, s.port) for s in supervisor.status_all(own.home)] == [("main", True, own.port)]
        postgres.connect(server).close()
        supervisor.destroy_all(own.home)
        assert supervisor.status_all(own.home) == []
