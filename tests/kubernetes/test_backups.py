"""Backups and restores through Socle's settings, against a real S3 server in the cluster.

Doesn't prove: Amazon's own store, roles instead of keys, more than one instance, archives of gigabytes.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from tests.engine import checkout
from tests.engine.checkout import Checkout
from tests.kubernetes.s3 import BUCKET, S3
from tests.kubernetes.support import POSTGRES_IMAGE, Cluster, until

pytestmark = pytest.mark.long  # what they need takes a quarter of an hour to build

RUN = uuid.uuid4().hex[:6]
SOURCE, STORE, APPLICATION = f"bk-source-{RUN}", f"bk-store-{RUN}", f"bk-app-{RUN}"
NAME = "postgresql-shared"
RESTORING_IMAGE = "localhost/restoring:test"
PLUGIN_DEPLOYMENT = ("barman-cloud", "cnpg-system")


@pytest.fixture(scope="module")
def store(cluster: Cluster, with_backups: None) -> Iterator[S3]:
    try:
        client.AppsV1Api(cluster.api).read_namespaced_deployment(*PLUGIN_DEPLOYMENT)
    except client.ApiException:
        pytest.fail("the cluster has no backups: make cluster WITH=backup")
    with made(cluster, STORE):
        yield S3(cluster, STORE)


class made:  # noqa: N801 - reads as a verb
    """A namespace as long as the block."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, name

    def __enter__(self) -> None:
        self._gone()
        self.cluster.core.create_namespace({"metadata": {"name": self.name}})

    def __exit__(self, *_: object) -> None:
        self._gone()

    def _gone(self) -> None:
        if self.name in self.cluster.namespaces():
            self.cluster.core.delete_namespace(self.name)
            until(lambda: self.name not in self.cluster.namespaces(), f"{self.name} is gone")


@pytest.fixture(scope="module")
def source(cluster: Cluster, store: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose `dev` environment is up, with one application and backups."""
    home = tmp_path_factory.mktemp("backups")
    environment = checkout.make(home, variables={"KUBECONFIG": str(cluster.kubeconfig)})

    def settings(config: dict[str, Any]) -> None:
        localise(config, cluster, SOURCE, APPLICATION)
        config["socle:server"] |= {
            "backup": {**store.settings, "schedule": "*/30 * * * * *", "retention": "1d"},
            "restoringImage": RESTORING_IMAGE,
            # Never by itself: the tests start it.
            "drill": {
                "schedule": "0 0 31 2 *", "timeout": "4min",
                "queries": {"city-api": "SELECT count(*) >= 1000 FROM public.t"},
            },
        }  # fmt: skip

    environment.settings(settings, stack="dev")
    try:
        environment.run("up", "dev")
        yield environment
        environment.run("destroy", "dev", "--yes")
    finally:
        environment.destroy()
        made(cluster, SOURCE).__exit__()
        made(cluster, APPLICATION).__exit__()


def localise(config: dict[str, Any], cluster: Cluster, namespace: str, application: str) -> None:
    """One application on a small server in a namespace of its own."""
    config["socle:cluster"] = {"identity": cluster.identity}
    config["socle:server"] = {
        "type": "cloudnativepg", "name": NAME, "namespace": namespace, "version": "17.6", "protect": False,
        "image": POSTGRES_IMAGE, "storage": {"size": "1Gi"},
        # A base backup waits for a checkpoint, which PostgreSQL would spread over minutes.
        "parameters": {"checkpoint_completion_target": "0"},
    }  # fmt: skip
    config["socle:apps"] = {"city-api": {"env": {"DATABASE_URL": "{database.url}"}, "namespace": application}}


def sql(cluster: Cluster, statement: str, *, namespace: str = SOURCE, database: str = "city_api") -> str:
    return cluster.sql(statement, database, namespace)


def backups(cluster: Cluster) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.custom.list_namespaced_custom_object(
        "postgresql.cnpg.io", "v1", SOURCE, "backups"
    )["items"]
    return sorted(found, key=lambda one: one["metadata"]["creationTimestamp"])


def completed(cluster: Cluster) -> list[dict[str, Any]]:
    return [one for one in backups(cluster) if one.get("status", {}).get("phase") == "completed"]


def beat(cluster: Cluster) -> None:
    """Have the heartbeat's CronJob run now, and wait for its row."""
    before = sql(cluster, "SELECT max(at) FROM socle.heartbeat", database="socle")
    started(cluster, f"{NAME}-heartbeat")
    until(lambda: sql(cluster, "SELECT max(at) FROM socle.heartbeat", database="socle") != before, "a heartbeat")


def started(cluster: Cluster, cron_job: str) -> str:
    """A Job of a CronJob, made as its schedule would make it."""
    batch = client.BatchV1Api(cluster.api)
    template = batch.read_namespaced_cron_job(cron_job, SOURCE).spec.job_template
    name = f"{cron_job}-{int(time.time() * 10)}"
    spec = cluster.api.sanitize_for_serialization(template.spec)
    batch.create_namespaced_job(SOURCE, {"metadata": {"name": name}, "spec": spec})
    return name


def archived(cluster: Cluster) -> None:
    """What was written until now is in the store."""
    # A segment without a record is not switched.
    wal = sql(cluster, "SELECT pg_walfile_name(pg_logical_emit_message(false, 'test', 'x'))", database="postgres")
    sql(cluster, "SELECT pg_switch_wal()", database="postgres")
    reached = f"SELECT count(*) FROM pg_stat_archiver WHERE last_archived_wal >= '{wal}'"
    until(lambda: sql(cluster, reached, database="postgres") == "1", f"{wal} is archived")


def rows(cluster: Cluster, first: int, last: int) -> None:
    sql(cluster, "SET ROLE city_api_owner; CREATE TABLE IF NOT EXISTS public.t (n int PRIMARY KEY)")
    sql(cluster, f"INSERT INTO public.t SELECT generate_series({first}, {last}) ON CONFLICT DO NOTHING")


def restored(source: Checkout, cluster: Cluster, namespace: str, given: dict[str, Any], store: S3) -> None:
    """Write the settings of a second environment, which comes out of the first one's archive."""
    text = (source.root / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    (source.root / "Pulumi.staging.yaml").write_text(text, encoding="utf-8")

    def settings(config: dict[str, Any]) -> None:
        localise(config, cluster, namespace, f"{namespace}-app")
        config["socle:server"] |= {
            "backup": {**store.settings, "serverName": namespace, "immediate": False},
            "restoringImage": RESTORING_IMAGE,
            "restoreFrom": {"serverName": NAME, **given},
        }

    source.settings(settings, stack="staging")


@pytest.fixture
def target(source: Checkout, cluster: Cluster) -> Iterator[str]:
    """The namespace of a restored cluster, which is gone afterwards."""
    namespace = f"bk-restored-{uuid.uuid4().hex[:6]}"
    try:
        yield namespace
    finally:
        source.run("destroy", "staging", "--yes", expect=None)
        made(cluster, namespace).__exit__()
        made(cluster, f"{namespace}-app").__exit__()


def test_backups_are_made_at_once_and_on_schedule(source: Checkout, cluster: Cluster, store: S3) -> None:
    until(lambda: len(completed(cluster)) >= 2, "the first base backup, and one by the schedule", 240)
    assert all(one["spec"]["method"] == "plugin" for one in backups(cluster))
    folders = {key.split("/")[3] for key in store.keys(f"{NAME}/base/")}
    assert {one["status"]["backupId"] for one in completed(cluster)} <= folders
    assert object_store(cluster)["spec"]["retentionPolicy"] == "1d"

    def window() -> Any:
        return object_store(cluster).get("status", {}).get("serverRecoveryWindow", {}).get(NAME)

    until(window, "the plugin counts it")


def object_store(cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.custom.get_namespaced_custom_object(
        "barmancloud.cnpg.io", "v1", SOURCE, "objectstores", f"{NAME}-archive"
    )
    return found


def test_the_heartbeat_is_written_by_a_role_that_can_do_nothing_else(source: Checkout, cluster: Cluster) -> None:
    beat(cluster)
    asked = "SELECT archive, at > now() - interval '2 min' FROM socle.heartbeat"
    (row,) = sql(cluster, asked, database="socle").splitlines()
    assert row == f"{NAME}|t"
    asked = "SELECT has_database_privilege('socle_heartbeat', datname, 'CONNECT') FROM pg_database WHERE datname = '{}'"
    assert sql(cluster, asked.format("socle")) == "t"
    assert sql(cluster, asked.format("city_api")) == "f"


def test_nothing_changes_the_second_time(source: Checkout) -> None:
    assert "unchanged" in source.run("up", "dev").said


def test_a_restore_to_a_point_in_time_is_proven(source: Checkout, cluster: Cluster, store: S3, target: str) -> None:
    until(lambda: completed(cluster), "a base backup")
    rows(cluster, 1, 1500)
    beat(cluster)
    moment = sql(cluster, "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    time.sleep(1)
    rows(cluster, 1501, 2000)
    archived(cluster)
    restored(source, cluster, target, {"pointInTime": moment}, store)
    said = source.run("up", "staging").said
    assert sql(cluster, "SELECT count(*), max(n) FROM public.t", namespace=target) == "1500|1500", said
    assert sql(cluster, "SELECT count(*) FROM public.t") == "2000"
    annotations = cluster.postgres(NAME, target)["metadata"]["annotations"]
    assert f"s3://backups/dev {NAME} up to " in annotations["socle.dev/restored-from"]
    found = cluster.run(f"{target}-app", ["sh", "-c", 'psql "$DATABASE_URL" -Atc "SELECT count(*) FROM public.t"'],
                        secrets=["city-api-env"])  # fmt: skip
    assert (found.ok, found.log.strip()) == (True, "1500")
    # It archives for itself by then, and where it came from can't be changed any more.
    restored(source, cluster, target, {}, store)
    refused = source.run("up", "staging", expect=1).said
    assert "socle:server.restoreFrom" in refused and "is there already" in refused


def test_a_target_that_is_out_of_reach_is_refused_before_anything_is_made(
    source: Checkout, cluster: Cluster, store: S3, target: str
) -> None:
    until(lambda: completed(cluster), "a base backup")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    restored(source, cluster, target, {"pointInTime": later.isoformat()}, store)
    said = source.run("up", "staging", expect=1).said
    assert "this restore was not begun" in said and "before the target" in said
    assert not cluster.custom.list_namespaced_custom_object("postgresql.cnpg.io", "v1", target, "clusters")["items"]


def test_a_store_that_goes_away_in_the_middle_is_found_and_said(
    source: Checkout, cluster: Cluster, store: S3, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each file that isn't there is asked for until barman's client gives up.
    monkeypatch.setattr(checkout, "SECONDS", 900)
    until(lambda: completed(cluster), "a base backup")
    suspend(cluster, True)
    for number in range(30):
        rows(cluster, 2001 + number * 10, 2010 + number * 10)
        sql(cluster, "SELECT pg_switch_wal()", database="postgres")
    archived(cluster)
    restored(source, cluster, target, {}, store)
    stopping = threading.Thread(target=stopped_in_the_middle, args=(cluster, store, target), daemon=True)
    stopping.start()
    said = source.run("up", "staging", expect=1).said
    stopping.join(timeout=60)
    suspend(cluster, False)
    # What CloudNativePG says of it, and what is missing.
    assert cluster.postgres(NAME, target)["status"]["phase"] == "Cluster in healthy state"
    missing = int(sql(cluster, "SELECT count(*) FROM public.t")) - int(
        sql(cluster, "SELECT count(*) FROM public.t", namespace=target)
    )
    assert missing > 0, "the store was stopped too late to lose anything"
    assert "THE RESTORE FELL SHORT" in said
    assert "segments before" in said and "its newest heartbeat is of" in said
    assert (
        f"{target}-app" not in cluster.namespaces()
        or not cluster.custom.list_namespaced_custom_object("postgresql.cnpg.io", "v1", target, "databases")["items"]
    ), "no application was given it"


def suspend(cluster: Cluster, yes: bool) -> None:
    """Base backups, whose restore would need none of the segments before them; none is under way afterwards."""
    cluster.custom.patch_namespaced_custom_object(
        "postgresql.cnpg.io", "v1", SOURCE, "scheduledbackups", NAME, {"spec": {"suspend": yes}}
    )
    ended = ("completed", "failed")
    until(
        lambda: yes is False or all(one.get("status", {}).get("phase") in ended for one in backups(cluster)),
        "the last base backup ends",
    )


def stopped_in_the_middle(cluster: Cluster, store: S3, namespace: str) -> None:
    """Stop the store once some segments were replayed; bring it back when the operator calls the cluster healthy."""
    until(lambda: replayed(cluster, namespace) >= 3, "some segments are replayed", 240)
    store.stop()
    try:
        until(lambda: phase(cluster, namespace) == "Cluster in healthy state", "the operator calls it healthy", 420)
    finally:
        store.start()


def phase(cluster: Cluster, namespace: str) -> str:
    try:
        return str(cluster.postgres(NAME, namespace).get("status", {}).get("phase"))
    except client.ApiException:
        return ""


def replayed(cluster: Cluster, namespace: str) -> int:
    """How many segments the recovery has replayed since its base backup was whole; before, PostgreSQL gives up."""
    try:
        (pod,) = cluster.core.list_namespaced_pod(namespace, label_selector="cnpg.io/jobRole=full-recovery").items
        log = cluster.core.read_namespaced_pod_log(pod.metadata.name, namespace, container="full-recovery")
    except (ValueError, client.ApiException):
        return 0
    return str(log).partition("consistent recovery state reached")[2].count("restored log file")


def test_a_drill_is_good_and_on_a_damaged_archive_it_is_not(source: Checkout, cluster: Cluster, store: S3) -> None:
    until(lambda: completed(cluster), "a base backup")
    suspend(cluster, True)
    rows(cluster, 1, 1000)
    beat(cluster)
    archived(cluster)
    ended, report = drilled(cluster)
    assert (ended, report["result"]) == ("Complete", "good"), report
    assert "its newest heartbeat is of" in report["message"]
    # Another backup would begin after the damage.
    for number in range(4):
        rows(cluster, 5000 + number, 5000 + number)
        archived(cluster)
    segments = sorted(key for key in store.keys(f"{NAME}/wals/") if key.endswith(".gz") and ".backup" not in key)
    damaged = segments[-3]
    kept = store.client.get_object(Bucket=BUCKET, Key=damaged)["Body"].read()
    store.client.put_object(Bucket=BUCKET, Key=damaged, Body=kept[: len(kept) // 2])
    try:
        ended, report = drilled(cluster)
    finally:
        store.client.put_object(Bucket=BUCKET, Key=damaged, Body=kept)
        suspend(cluster, False)
    assert (ended, report["result"]) == ("Failed", "failed"), report
    assert "THE RESTORE FELL SHORT" in report["message"]
    assert f"stopped in {Path(damaged).name.removesuffix('.gz')}" in report["message"]


def drilled(cluster: Cluster) -> tuple[str, dict[str, str]]:
    """How a drill ended, and what it reported; of its cluster nothing is left."""
    batch, name = client.BatchV1Api(cluster.api), started(cluster, f"{NAME}-drill")

    def condition() -> str:
        met = batch.read_namespaced_job_status(name, SOURCE).status.conditions or []
        return next((one.type for one in met if one.type in ("Complete", "Failed") and one.status == "True"), "")

    ended = until(condition, "the drill ends", 480)
    clusters = cluster.custom.list_namespaced_custom_object("postgresql.cnpg.io", "v1", SOURCE, "clusters")["items"]
    assert [one["metadata"]["name"] for one in clusters] == [NAME]
    volumes = cluster.core.list_namespaced_persistent_volume_claim(SOURCE).items
    assert not [one for one in volumes if one.metadata.name.startswith(f"{NAME}-drill")]
    return ended, dict(cluster.core.read_namespaced_config_map(f"{NAME}-drill", SOURCE).data)
