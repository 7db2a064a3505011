"""An external server of a version that Socle doesn't know is refused, whoever is right about the rest.

The server here speaks only the beginning of the protocol, with any version: the real ones at hand are supported.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stacks.settings import ExternalServer
from tools import external
from tools.errors import ToolError


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def setting(name: str, value: str) -> bytes:
    return message(b"S", f"{name}\0{value}\0".encode())


def serve_once(listener: socket.socket, version: str) -> None:
    connection, _ = listener.accept()
    with connection:
        length = struct.unpack("!I", connection.recv(4))[0]
        connection.recv(length - 4)
        settings = setting("server_version", version) + setting("client_encoding", "UTF8")
        connection.sendall(message(b"R", struct.pack("!I", 0)) + settings + message(b"Z", b"I"))
        connection.recv(1024)  # until the client says good-bye


@contextmanager
def server_of(version: str) -> Iterator[ExternalServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_once, args=(listener, version))
        thread.start()
        yield ExternalServer.model_validate(
            {
                "type": "external",
                "host": "127.0.0.1",
                "port": listener.getsockname()[1],
                "admin": {"user": "postgres", "password": "unused"},
                "sslmode": "disable",
            }
        )
        thread.join(timeout=10)


@pytest.mark.parametrize("version", ["14.19", "9.6.24", "19.1"])
def test_an_unsupported_version_is_told(version: str) -> None:
    major = version.split(".")[0]
    with (
        server_of(version) as server,
        pytest.raises(ToolError, match=rf"socle:server: the server is PostgreSQL {major}; supported are 15 to 18"),
    ):
        external.require(external.External(server=server, password="unused"))
