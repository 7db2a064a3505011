"""Settings of backups, restores and drills: every way of getting them wrong, and a cluster that is there already."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from components.kubernetes.access import Access
from stacks import cluster, cron
from stacks.loader import parse
from stacks.problems import Problem, SettingsError
from stacks.settings import EnvironmentSettings

STORE: dict[str, Any] = {"destination": "s3://backups/dev", "credentials": {"accessKey": "a", "secretKey": "s"}}
IMAGE = "registry.example.org/socle-restoring:1"


def load(**server: Any) -> EnvironmentSettings:
    raw = {
        "environment": {"kind": "kubernetes"},
        "server": {"type": "cloudnativepg", **server},
        "apps": {"city-api": {}},
    }
    found = parse(raw, "Pulumi.dev.yaml", "dev")
    assert isinstance(found, EnvironmentSettings)
    return found


def only_problem(**server: Any) -> Problem:
    with pytest.raises(SettingsError) as raised:
        load(**server)
    (problem,) = raised.value.problems
    return problem


@pytest.mark.parametrize(
    ("schedule", "found", "write"),
    [
        ("0 2 * * *", "5 fields, of which the operator would take the first for seconds", 'schedule: "0 0 2 * * *"'),
        ("30 3 * * sun", "5 fields", 'schedule: "0 30 3 * * sun"'),
        ("61 2 * * *", "5 fields", 'schedule: "0 0 2 * * *"'),
        ("0 0 25 * * *", "25 is no hour", 'schedule: "0 0 2 * * *"'),
        ("0 0 2 * * mo", "mo is no day of the week", 'schedule: "0 0 2 * * *"'),
        ("0 0 2 5-1 * *", "5-1 is no day of the month", 'schedule: "0 0 2 * * *"'),
        ("*/0 0 2 * * *", "*/0 is no second", 'schedule: "0 0 2 * * *"'),
        ("daily", "1 fields", 'schedule: "0 0 2 * * *"'),
    ],
)
def test_a_backups_schedule_has_six_fields(schedule: str, found: str, write: str) -> None:
    problem = only_problem(backup={**STORE, "schedule": schedule})
    assert problem.path == "socle:server.backup.schedule"
    assert f"{schedule}: {found}" in problem.found
    assert (problem.allowed.split(":")[0], problem.write) == ("six fields", write)


@pytest.mark.parametrize("schedule", ["0 0 2 * * *", "*/20 * * * * *", "0 0,30 1-5/2 1 jan-mar mon", "0 0 0 ? * 6"])
def test_a_schedule_of_six_fields_is_taken(schedule: str) -> None:
    server = load(backup={**STORE, "schedule": schedule}).server
    assert server.backup.schedule == schedule  # type: ignore[union-attr]


def test_five_fields_are_right_where_a_cron_job_has_them() -> None:
    assert cron.problem("0 4 * * 0", 5) is None
    problem = only_problem(backup=STORE, restoringImage=IMAGE, drill={"schedule": "0 0 4 * * 0"})
    assert (problem.path, problem.write) == ("socle:server.drill.schedule", 'schedule: "0 4 * * 0"')


@pytest.mark.parametrize("retention", ["30", 30, "0d", "30 days", "4y", "d", "-1d", ""])
def test_a_retention_that_kubernetes_would_refuse_is_refused_here(retention: object) -> None:
    problem = only_problem(backup={**STORE, "retention": retention})
    assert (problem.path, problem.write) == ("socle:server.backup.retention", "retention: 30d")
    assert "30d, 4w, 6m" in problem.allowed


@pytest.mark.parametrize(
    ("backup", "path", "write"),
    [
        ({"destination": "s3://backups/dev"}, "credentials", "credentials: {accessKey: …, secretKey: …}"),
        ({**STORE, "inheritFromIamRole": True}, "credentials", "remove inheritFromIamRole"),
        ({**STORE, "destination": "/backups"}, "destination", "destination: s3://backups/dev"),
        ({**STORE, "destination": "s3://B"}, "destination", "destination: s3://backups/dev"),
        ({**STORE, "endpoint": "minio:9000"}, "endpoint", "endpoint: https://minio.example.org"),
        ({**STORE, "walCompression": "zip"}, "walCompression", "walCompression: gzip"),
        ({**STORE, "dataCompression": "zstd"}, "dataCompression", "dataCompression: gzip"),
        ({**STORE, "retenton": "30d"}, "retenton", "retention: 30d"),
    ],
)
def test_one_wrong_key_of_a_backup_is_named(backup: dict[str, Any], path: str, write: str) -> None:
    problem = only_problem(backup=backup)
    assert (problem.path, problem.write) == (f"socle:server.backup.{path}", write)


@pytest.mark.parametrize(
    ("given", "path", "write"),
    [
        ({"pointInTime": "2026-11-21T12:00:00"}, "pointInTime", 'pointInTime: "2026-11-21T23:41:24Z"'),
        ({"pointInTime": "yesterday"}, "pointInTime", 'pointInTime: "2026-11-21T23:41:24Z"'),
        ({"pointInTime": dt.datetime(2026, 11, 21)}, "pointInTime", 'pointInTime: "2026-11-21T23:41:24Z"'),
        ({"backup": "first"}, "backup", "backup: 20261121T020000"),
        ({"backup": "20261121T020000", "pointInTime": "2026-11-21T12:00:00Z"}, "backup", "remove this line"),
    ],
)  # fmt: skip
def test_one_wrong_key_of_a_restore_is_named(given: dict[str, Any], path: str, write: str) -> None:
    problem = only_problem(backup=STORE, restoringImage=IMAGE, restoreFrom={"serverName": "old", **given})
    assert (problem.path, problem.write) == (f"socle:server.restoreFrom.{path}", write)


def test_a_restore_can_not_archive_into_the_folder_that_it_comes_from() -> None:
    problem = only_problem(backup=STORE, restoringImage=IMAGE, restoreFrom={"serverName": "postgresql-shared"})
    assert problem.path == "socle:server.restoreFrom.serverName"
    assert problem.write.startswith("name: postgresql-shared-2 ")
    load(
        backup=STORE, name="postgresql-shared-2", restoringImage=IMAGE, restoreFrom={"serverName": "postgresql-shared"}
    )
    load(backup={**STORE, "serverName": "b"}, restoringImage=IMAGE, restoreFrom={"serverName": "postgresql-shared"})
    elsewhere = {**STORE, "destination": "s3://elsewhere"}
    load(backup=STORE, restoringImage=IMAGE, restoreFrom={"serverName": "postgresql-shared", "store": elsewhere})


@pytest.mark.parametrize(
    ("server", "path"),
    [
        ({"restoreFrom": {"serverName": "old"}, "restoringImage": IMAGE}, "restoreFrom.store"),
        ({"drill": {}, "restoringImage": IMAGE}, "drill"),
        ({"drill": {}, "backup": STORE}, "restoringImage"),
        ({"restoreFrom": {"serverName": "old"}, "backup": STORE}, "restoringImage"),
        (
            {"drill": {"queries": {"other": "SELECT true"}}, "backup": STORE, "restoringImage": IMAGE},
            "drill.queries.other",
        ),
    ],
)
def test_what_a_restore_and_a_drill_need_is_asked_for(server: dict[str, Any], path: str) -> None:
    assert only_problem(**server).path == f"socle:server.{path}"


def test_a_moment_may_be_written_without_quotes_and_in_any_zone() -> None:
    paris = dt.datetime(2026, 11, 21, 13, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    for written in (paris, "2026-11-21T13:00:00+01:00", "2026-11-21T12:00:00Z"):
        server = load(
            backup=STORE, restoringImage=IMAGE, restoreFrom={"serverName": "old", "pointInTime": written}
        ).server
        assert server.restore_from.point_in_time == dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)  # type: ignore[union-attr]


OLD = {"backup": STORE, "restoringImage": IMAGE, "restoreFrom": {"serverName": "old"}}
LATER = {**OLD, "restoreFrom": {"serverName": "old", "pointInTime": "2026-11-21T12:00:00Z"}}


@pytest.mark.parametrize(
    ("made", "now", "write"),
    [
        ({}, OLD, "name: postgresql-shared-2   # at socle:server"),
        (OLD, LATER, "name: postgresql-shared-2   # at socle:server"),
        (OLD, {"backup": STORE}, "restoreFrom: …   # s3://backups/dev old"),
    ],
)
def test_where_a_cluster_came_from_can_not_be_changed(
    made: dict[str, Any], now: dict[str, Any], write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cluster.origin(load(**made).server)  # type: ignore[arg-type]
    live = {"metadata": {"annotations": {"socle.dev/restored-from": before} if before else None}}
    monkeypatch.setattr(cluster, "_live", lambda *_: live)
    access = Access(context="home", identity="uid")
    cluster.require_same_origin(load(**made).server, access, "dev")  # type: ignore[arg-type]
    with pytest.raises(SettingsError) as raised:
        cluster.require_same_origin(load(**now).server, access, "dev")  # type: ignore[arg-type]
    (problem,) = raised.value.problems
    assert (problem.path, problem.write) == ("socle:server.restoreFrom", write)
    assert "databases/postgresql-shared is there already" in problem.found


def test_where_there_is_no_cluster_yet_it_may_come_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_live", lambda *_: None)
    cluster.require_same_origin(load(**LATER).server, Access(context="home", identity="uid"), "dev")  # type: ignore[arg-type]
