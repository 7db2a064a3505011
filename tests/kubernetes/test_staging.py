"""Three instances: what is acknowledged stays when the primary dies, and instances come and go without a new cluster.

Doesn't prove: anything of several nodes; the test cluster has one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from tests.engine import checkout
from tests.engine.checkout import Checkout
from tests.kubernetes.conftest import localise
from tests.kubernetes.support import Cluster, until

NAMESPACE = "staging-databases"
OUTAGE_SECONDS = 60
"""More than a failover may take: CloudNativePG needs a few seconds, a busy machine some more."""


def settings(config: dict[str, Any], cluster: Cluster, instances: int) -> None:
    localise(config, cluster)
    config["socle:server"] |= {"namespace": NAMESPACE, "instances": instances, "protect": False}
    config["socle:cache"]["namespace"] = NAMESPACE
    config["socle:apps"] = {"ledger": {"env": {"URL": "{database.url}"}}}
    del config["socle:snapshots"]


@pytest.fixture(scope="module")
def staging(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose `staging` environment is up: three instances, one application."""
    made = checkout.make(tmp_path_factory.mktemp("staging"), variables={"KUBECONFIG": str(cluster.kubeconfig)})
    made.settings(lambda config: settings(config, cluster, 3), stack="staging")
    try:
        made.run("up", "staging")
        yield made
        made.run("destroy", "staging", "--yes")
    finally:
        made.destroy()


@dataclass
class Writer:
    """Writes a row after the other as the application, on a new connection where one breaks."""

    address: dict[str, Any]
    acknowledged: list[int] = field(default_factory=list)
    longest_gap: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        number, last = 0, time.monotonic()
        while not self._ended.is_set():
            try:
                with psycopg.connect(**self.address, autocommit=True) as connection:
                    while not self._ended.is_set():
                        number += 1
                        connection.execute("INSERT INTO entry VALUES (%s)", (number,))
                        self.acknowledged.append(number)
                        now = time.monotonic()
                        self.longest_gap, last = max(self.longest_gap, now - last), now
                        self._ended.wait(0.02)
            except psycopg.Error:
                self._ended.wait(0.1)

    def end(self) -> None:
        self._ended.set()


@pytest.fixture
def writer(cluster: Cluster, staging: Checkout) -> Iterator[Writer]:
    """Writing through the Service, as it goes on."""
    cluster.sql(
        "SET ROLE ledger_owner; CREATE TABLE IF NOT EXISTS entry (number int); TRUNCATE entry", "ledger", NAMESPACE
    )
    login = cluster.secret(NAMESPACE, "ledger-postgresql-credentials")
    address = {
        "host": cluster.service_address(NAMESPACE, "postgresql-shared-rw"), "dbname": "ledger",
        "user": login["username"], "password": login["password"], "sslmode": "require", "connect_timeout": 2,
        "options": "-c synchronous_commit=on", "tcp_user_timeout": 3000,
    }  # fmt: skip
    one = Writer(address=address)
    thread = threading.Thread(target=one.run)
    thread.start()
    until(lambda: len(one.acknowledged) > 20, "rows are written")
    yield one
    one.end()
    thread.join()


def primary(cluster: Cluster) -> str:
    return str(cluster.postgres(namespace=NAMESPACE)["status"]["currentPrimary"])


def healthy(cluster: Cluster, instances: int) -> bool:
    status = cluster.postgres(namespace=NAMESPACE)["status"]
    return bool(status.get("readyInstances") == instances and "healthy" in status.get("phase", ""))


def missing(cluster: Cluster, writer: Writer) -> set[int]:
    rows = cluster.sql("SELECT number FROM entry", "ledger", NAMESPACE)
    return set(writer.acknowledged) - {int(row) for row in rows.split()}


def test_no_acknowledged_write_is_lost_with_the_primary(cluster: Cluster, staging: Checkout, writer: Writer) -> None:
    before = primary(cluster)
    cluster.core.delete_namespaced_pod(before, NAMESPACE, grace_period_seconds=0)
    until(lambda: primary(cluster) != before, "another instance is the primary")
    count = len(writer.acknowledged)
    until(lambda: len(writer.acknowledged) > count + 50, "rows are written again")
    until(lambda: healthy(cluster, 3), "three instances are ready", seconds=300)
    writer.end()
    assert missing(cluster, writer) == set()
    print(f"{len(writer.acknowledged)} writes acknowledged, none lost; longest outage {writer.longest_gap:.1f} s")
    assert writer.longest_gap < OUTAGE_SECONDS


def test_a_parameter_changes_without_a_new_cluster(cluster: Cluster, staging: Checkout, writer: Writer) -> None:
    uid = cluster.postgres(namespace=NAMESPACE)["metadata"]["uid"]
    staging.settings(
        lambda config: config["socle:server"]["parameters"].update({"work_mem": "8MB"}), stack="staging"
    )  # fmt: skip
    staging.run("up", "staging")
    until(lambda: cluster.sql("SHOW work_mem", "ledger", NAMESPACE) == "8MB", "the parameter is in force")
    writer.end()
    assert missing(cluster, writer) == set()
    assert cluster.postgres(namespace=NAMESPACE)["metadata"]["uid"] == uid


@pytest.mark.long
def test_instances_come_and_go_and_the_rows_stay(cluster: Cluster, staging: Checkout, writer: Writer) -> None:
    uid = cluster.postgres(namespace=NAMESPACE)["metadata"]["uid"]
    for instances in (1, 3):
        staging.settings(
            lambda config, instances=instances: config["socle:server"].update({"instances": instances}), stack="staging"
        )
        staging.run("up", "staging")
        until(lambda instances=instances: healthy(cluster, instances), f"{instances} are ready", seconds=300)
    writer.end()
    assert missing(cluster, writer) == set()
    assert cluster.postgres(namespace=NAMESPACE)["metadata"]["uid"] == uid
