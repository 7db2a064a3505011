"""The engine tier: the real Pulumi engine on a real PostgreSQL, through the commands that a user types."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.engine import checkout
from tests.engine.checkout import Checkout


@pytest.fixture(scope="session", autouse=True)
def _toolchain() -> None:
    if "SOCLE_TEST_PULUMI" not in os.environ:
        from tools import toolchain

        toolchain.ensure()
        toolchain.binary("ferretdb")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout in which nothing was done yet."""
    made = checkout.make(tmp_path_factory.mktemp("bare"))
    yield made
    made.destroy()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose local environment is up, with all five applications."""
    made = checkout.make(tmp_path_factory.mktemp("local"))
    try:
        made.run("up")
        yield made
    finally:
        made.destroy()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose local environment is up, with city-api, its demo data and docspell."""
    made = checkout.make(tmp_path_factory.mktemp("small"), "city-api", "docspell")
    try:
        made.run("up")
        made.run("demo-data")
        yield made
    finally:
        made.destroy()
