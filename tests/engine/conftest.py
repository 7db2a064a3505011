"""The engine tier: the real Pulumi engine on a real PostgreSQL, through the commands that a user types."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.engine import checkout
from tests.engine.checkout import Checkout

_GROUPS = {
    "pull_request": ("test_pull_request",),
    "kill": ("test_kill",),
    "five": ("test_applications", "test_privileges", "test_secrets"),
    "planned": ("test_planned",),
    "lifecycle": ("test_lifecycle",),
}
"""The modules that share an environment, the longest first: what a worker begins last, the others wait for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each module to one worker, together with those that share its environment."""
    group_of = {module: group for group, modules in _GROUPS.items() for module in modules}
    order = list(_GROUPS)
    for item in items:
        group = group_of.get(item.path.stem, item.path.stem)
        order += [] if group in order else [group]
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: order.index(next(item.iter_markers("xdist_group")).args[0]))


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
