"""The server's settings and access rules as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tools.embedded.layout import Layout, PostgresSpec

Value = str | int | bool
HBA = """\
# Written by Socle at every start. TCP with TLS and a password, or the Unix socket with a password; nothing else:
# a plain TCP connection matches no line and is refused.
local   all all              scram-sha-256
hostssl all all 127.0.0.1/32 scram-sha-256
hostssl all all ::1/128      scram-sha-256
"""


def render_settings(spec: PostgresSpec, layout: Layout, *, preload: Sequence[str]) -> str:
    """The text of `socle.conf`, which `postgresql.conf` includes. `preload` names libraries that the server has."""
    settings = {
        **_connections(spec, layout),
        **_logging(layout),
        **_resources(),
        **_durability(durable=spec.durable),
        **_preload(preload),
    }
    lines = [f"{name} = {_literal(value)}" for name, value in settings.items()]
    return "\n".join(["# Written by Socle at every start; changes belong in Pulumi.local.yaml.", *lines, ""])


def _connections(spec: PostgresSpec, layout: Layout) -> Mapping[str, Value]:
    return {
        "listen_addresses": "localhost",
        "port": spec.port,
        "unix_socket_directories": str(layout.socket_dir),
        "max_connections": 200,
        "password_encryption": "scram-sha-256",
        "ssl": True,
        "ssl_cert_file": str(layout.tls / "server.pem"),
        "ssl_key_file": str(layout.tls / "server.key"),
        "ssl_min_protocol_version": "TLSv1.2",
    }


def _logging(layout: Layout) -> Mapping[str, Value]:
    return {
        "logging_collector": True,
        "log_directory": str(layout.logs),
        # One file a weekday, emptied a week later. A size limit would do nothing: the same day has the same name.
        "log_filename": "postgresql-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": 0,
        "log_truncate_on_rotation": True,
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_timezone": "UTC",
        "log_connections": False,
        "log_disconnections": False,
        "log_lock_waits": True,
        # No statement ever reaches the log, failed ones neither: CREATE ROLE carries a password.
        "log_statement": "none",
        "log_min_duration_statement": -1,
        "log_min_error_statement": "panic",
        # DETAIL lines carry rows ("Key (email)=(…) already exists"); the client still gets them.
        "log_error_verbosity": "terse",
    }


def _resources() -> Mapping[str, Value]:
    return {"shared_buffers": "128MB", "timezone": "UTC"}


def _durability(*, durable: bool) -> Mapping[str, Value]:
    if durable:
        return {}
    return {
        "fsync": False,
        "full_page_writes": False,
        "synchronous_commit": False,
        "wal_level": "minimal",
        "max_wal_senders": 0,
    }


def _preload(libraries: Sequence[str]) -> Mapping[str, Value]:
    if not libraries:
        return {}
    settings: dict[str, Value] = {"shared_preload_libraries": ", ".join(libraries)}
    if "pg_stat_statements" in libraries:
        # It keeps utility statements word for word, passwords included.
        settings["pg_stat_statements.track_utility"] = False
    return settings


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"
