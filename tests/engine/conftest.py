"""The engine tier: the real Pulumi engine on a real PostgreSQL, through the commands that a user types."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.engine import checkout
from tests.engine.checkout import Checkout

_GROUPS = {
    "kill": ("test_kill",),
    "pull_request": ("test_pull_request",),
    "five": ("test_secrets", "test_applications", "test_privileges"),
    "planned": ("test_planned",),
    "lifecycle": ("test_lifecycle",),
}
"""The modules that share an environment, the longest first: what a worker begins last, the others wait for.

Within a group as they stand: what the applications' tests write, no masking rule knows."""


class _ByEnvironment(LoadScopeScheduling):
    """Gives each module to one worker, together with those that share its environment."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(Path(nodeid.partition("::")[0]))


def _group(module: Path) -> str:
    return next((group for group, modules in _GROUPS.items() if module.stem in modules), module.stem)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _ByEnvironment:
    # Not `--dist loadgroup`: its marks are lost with pytest 9.2 (xdist 3.8 writes them into an attribute unused since).
    return _ByEnvironment(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    grouped = [module for modules in _GROUPS.values() for module in modules]
    order = [*grouped, *sorted({item.path.stem for item in items} - set(grouped))]
    items.sort(key=lambda item: order.index(item.path.stem))


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


@pytest.fixture(scope="session")
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
