"""Throw-away PostgreSQL servers for the tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stacks.embedded import EmbeddedServer
from tools.embedded import postgres
from tools.embedded.layout import PostgresSpec
from tools.embedded.ports import free_port


@contextmanager
def own_server(major: int, *, durable: bool = False, home: Path | None = None) -> Iterator[PostgresSpec]:
    """A server of its own home and port, running; deleted at the end, data and all. It may be killed and started.

    Args:
        major: of PostgreSQL.
        durable: whether it waits for the disk, and writes a WAL that a standby can follow.
        home: where it lies; None is a folder of its own.
    """
    with tempfile.TemporaryDirectory(prefix="socle-test-") as folder:
        spec = PostgresSpec(name="test", home=home or Path(folder), port=free_port(), major=major, durable=durable)
        try:
            postgres.start(spec)
            yield spec
        finally:
            postgres.destroy(spec)


def fixtures(*, durable: bool = False) -> tuple[Any, Any]:
    """`spec, server = fixtures()` gives a module's tests a server of their own."""

    @pytest.fixture(scope="module")
    def spec(server_major: int) -> Iterator[PostgresSpec]:
        with own_server(server_major, durable=durable) as one:
            yield one

    @pytest.fixture(scope="module")
    def server(spec: PostgresSpec) -> EmbeddedServer:
        return postgres.start(spec)

    return spec, server
