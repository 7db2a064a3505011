"""The embedded server's settings, access rules, layout and messages, as text."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tools.embedded import account, ports, postgres_config
from tools.embedded.account import Account, place
from tools.embedded.layout import SOCKET_PATH_LIMIT, Layout, PostgresSpec
from tools.embedded.versions import SERVERS, platform_key, release
from tools.errors import ToolError


def layout_at(where: Path) -> Layout:
    return Layout(directory=where, where=where)


def settings(spec: PostgresSpec, *, preload: tuple[str, ...] = ()) -> dict[str, str]:
    text = postgres_config.render_settings(spec, layout_at(Path("/srv/main")), preload=preload)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split(" = ", 1) for line in lines)


def spec(**changes: object) -> PostgresSpec:
    return PostgresSpec(**({"name": "main", "home": Path("/h"), "port": 5435} | changes))  # type: ignore[arg-type]


def test_listens_on_loopback_with_tls_and_scram() -> None:
    said = settings(spec())
    assert said["listen_addresses"] == "'localhost'"
    assert said["port"] == "5435"
    assert said["ssl"] == "on"
    assert said["ssl_min_protocol_version"] == "'TLSv1.2'"
    assert said["password_encryption"] == "'scram-sha-256'"


def test_every_access_rule_asks_for_a_password_and_tcp_for_tls() -> None:
    rules = [line.split() for line in postgres_config.HBA.splitlines() if not line.startswith("#")]
    assert {rule[0] for rule in rules} == {"local", "hostssl"}
    assert {rule[-1] for rule in rules} == {"scram-sha-256"}


def test_no_statement_reaches_the_log() -> None:
    said = settings(spec(), preload=("pg_stat_statements",))
    assert said["log_statement"] == "'none'"
    assert said["log_min_error_statement"] == "'panic'"
    assert said["log_min_duration_statement"] == "-1"
    assert said["pg_stat_statements.track_utility"] == "off"


def test_durability_is_left_to_postgresql_or_switched_off_whole() -> None:
    off = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    assert off.items() <= settings(spec(durable=False)).items()
    assert not off.keys() & settings(spec()).keys()


def test_a_library_that_is_not_there_is_not_preloaded() -> None:
    assert "shared_preload_libraries" not in settings(spec())


def test_quotes_in_a_path_are_doubled() -> None:
    text = postgres_config.render_settings(spec(), layout_at(Path("/l'été")), preload=())
    assert "log_directory = '/l''été/log'" in text


@pytest.mark.parametrize("depth", [1, 10, 40])
def test_the_socket_path_is_never_too_long(depth: int) -> None:
    where = Path("/" + "/".join(["directory"] * depth))
    assert len(str(layout_at(where).socket_dir / ".s.PGSQL.65535")) < SOCKET_PATH_LIMIT


def test_two_deep_checkouts_have_two_socket_directories() -> None:
    deep = Path("/" + "/".join(["directory"] * 40))
    assert layout_at(deep / "a").socket_dir != layout_at(deep / "b").socket_dir


def test_an_ordinary_user_keeps_the_data_in_the_checkout(tmp_path: Path) -> None:
    myself = Account("me", os.geteuid(), os.getegid())
    assert place(tmp_path, "main", myself) == tmp_path / "servers" / "main"


def test_another_account_keeps_them_where_it_can_reach_them(tmp_path: Path) -> None:
    other = Account("other", os.geteuid() + 1, os.getegid() + 1)
    found = place(tmp_path, "main", other)
    assert found.is_relative_to(account.SYSTEM_DATA)
    assert found == place(tmp_path, "main", other)
    assert found != place(tmp_path / "elsewhere", "main", other)


def test_every_release_is_pinned_for_every_platform() -> None:
    platforms = {"linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"}
    assert {major: set(found.sha512) for major, found in SERVERS.items()} == dict.fromkeys((15, 16, 17, 18), platforms)
    assert platform_key() in platforms


def test_an_unknown_major_is_named_with_the_known_ones() -> None:
    with pytest.raises(ToolError, match=r"PostgreSQL 14 .* 15, 16, 17, 18"):
        release(14)


def test_a_taken_port_names_its_holder_and_the_line_to_write() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ToolError) as caught:
            ports.require_free(port, purpose="PostgreSQL server main", setting="socle:server, testPort")
    assert f"Port {port}, for PostgreSQL server main, is taken by" in caught.value.message
    assert f"(process {os.getpid()})" in caught.value.message
    assert "below `socle:server:`: `testPort: " in caught.value.remedy
    assert str(port) not in caught.value.remedy


def test_a_free_port_is_free() -> None:
    ports.require_free(ports.free_port(), purpose="a test", setting="socle:server, port")
