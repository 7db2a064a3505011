"""Fixtures: a throw-away cluster, and the `dev` environment in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine import checkout
from tests.engine.checkout import Checkout
from tests.kubernetes.support import POSTGRES_IMAGE, Cluster


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster of KUBECONFIG where that is set, else the one of `make cluster`; only one that may be thrown away."""
    from tools import cluster as own
    from tools.cluster import guard

    given = os.environ.get("KUBECONFIG", "")
    kubeconfig = Path(given) if given else own.ensure()
    guard.require_throw_away(kubeconfig)
    return Cluster(kubeconfig)


@pytest.fixture(scope="session")
def with_backups(cluster: Cluster) -> None:
    """The backup plugin and an S3 server in the cluster; built at first use, which takes a quarter of an hour."""
    _have("backup")


@pytest.fixture(scope="session")
def with_external_secrets(cluster: Cluster) -> None:
    """The operator of External Secrets in the cluster; built at first use, which takes some minutes."""
    _have("external-secrets")


def _have(extra: str) -> None:
    from tools import cluster as own

    # Into a cluster that isn't ours nothing is installed: the tests say what is missing.
    if not os.environ.get("KUBECONFIG"):
        own.ensure(extra)


@pytest.fixture(scope="session")
def dev(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose `dev` environment is up, with all five applications."""
    made = checkout.make(tmp_path_factory.mktemp("dev"), variables={"KUBECONFIG": str(cluster.kubeconfig)})
    made.settings(lambda config: localise(config, cluster), stack="dev")
    try:
        made.run("up", "dev")
        yield made
        made.run("destroy", "dev", "--yes")
    finally:
        made.destroy()


def localise(config: dict[str, Any], cluster: Cluster) -> None:
    """The settings of an environment for a small cluster that can pull nothing."""
    config["socle:cluster"] = {"identity": cluster.identity}
    config["socle:server"] |= {
        "image": POSTGRES_IMAGE,
        "storage": {"size": "1Gi"},
        # A joining replica waits for a checkpoint, which PostgreSQL would spread over minutes.
        "parameters": {"checkpoint_completion_target": "0"},
    }
    config["socle:cache"] |= {"image": "localhost/valkey:8", "exporterImage": "localhost/redis-exporter:1.69.0"}
    config["socle:documents"] |= {"image": "localhost/ferretdb:1.24.2"}
    config["socle:snapshots"] = {"image": "localhost/branching:test"}
    config["socle:apps"]["city-api"]["workload"] = {"image": "localhost/city-api", "tag": "test"}
