"""Each rule evaluated by promtool: it fires on a bad day, and not on one that is nearly as bad.

Doesn't prove that an exporter gives such series; names are compared with the exporters' source in the unit tier.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.monitoring import rules
from components.monitoring.args import Backups, MonitoringArgs
from tests.promtool.cases import CASES, GONE, Case
from tests.promtool.world import OTHER, STANDBY, World, healthy, pod, series
from tests.unit.monitoring_support import EVERYTHING


def write_rules(folder: Path, args: MonitoringArgs) -> Path:
    """The file that Prometheus reads: what the operator makes of a PrometheusRule. YAML takes JSON."""
    [manifest] = rules.manifests(args)
    file = folder / "rules.yaml"
    file.write_text(json.dumps(manifest["spec"]))
    return file


def run(promtool: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False, timeout=120)


def changed(by: Mapping[str, str]) -> World:
    world = healthy() | dict(by)
    return {key: value for key, value in world.items() if value != GONE}


def evaluate(
    promtool: Path, folder: Path, world: World, checks: Mapping[str, int], *, minutes: int = 30, interval: int = 1
) -> subprocess.CompletedProcess[str]:
    """`promtool test rules`: each expression of `checks` has that value, or none where it is 0."""
    asked = [
        {
            "expr": expression,
            "eval_time": f"{minutes}m",
            "exp_samples": [{"labels": "{}", "value": value}] if value else [],
        }
        for expression, value in checks.items()
    ]
    test: dict[str, Any] = {
        "interval": f"{interval}m",
        "input_series": [{"series": key, "values": value} for key, value in world.items()],
        "promql_expr_test": asked,
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps({"rule_files": ["rules.yaml"], "evaluation_interval": f"{interval}m", "tests": [test]}))
    return run(promtool, "test", "rules", str(file))


def firing(alert: str) -> str:
    return f'count(ALERTS{{alertname="{alert}",alertstate="firing",server="shared"}})'


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.why}")
def test_a_rule_fires_when_it_should(promtool: Path, tmp_path: Path, case: Case) -> None:
    write_rules(tmp_path, EVERYTHING)
    checks = {firing(case.alert): case.count}
    done = evaluate(promtool, tmp_path, changed(case.series), checks, minutes=case.minutes, interval=case.interval)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("minutes", [30, 480])
@pytest.mark.parametrize("backups", Backups)
def test_on_a_good_day_nothing_fires(promtool: Path, tmp_path: Path, backups: Backups, minutes: int) -> None:
    write_rules(tmp_path, replace(EVERYTHING, backups=backups))
    world = healthy()
    if backups is Backups.OPERATOR:
        for key in [key for key in world if key.startswith("barman")]:
            world[key.replace("barman_cloud_cloudnative_pg_io", "cnpg_collector")] = world.pop(key)
    done = evaluate(promtool, tmp_path, world, {"count(ALERTS)": 0}, minutes=minutes)
    assert done.returncode == 0, done.stdout + done.stderr


def test_with_all_targets_gone_each_kind_of_server_alerts(promtool: Path, tmp_path: Path) -> None:
    write_rules(tmp_path, EVERYTHING)
    gone = ("SoclePostgresDown", "SoclePoolerDown", "SocleRedisDown", "SocleBackupMissing", "SocleBranchingUnwatched")
    gone = (*gone, "SocleVolumeUnwatched", "SocleCertificateUnwatched")
    checks = {firing(alert): 1 for alert in gone} | {firing("SocleSnapshotMissing"): 2}
    done = evaluate(promtool, tmp_path, {"unrelated": "1x500"}, checks, minutes=180)
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_pod_monitors_on_one_pod_count_it_once(promtool: Path, tmp_path: Path) -> None:
    write_rules(tmp_path, EVERYTHING)
    world = healthy()
    for key in list(world):
        if 'job="databases/socle-shared"' in key:
            world[key.replace("databases/socle-shared", "databases/shared")] = world[key]
    del world[series("cnpg_collector_up", pod(OTHER, 'cluster="shared"'))]
    done = evaluate(promtool, tmp_path, world, {firing("SoclePostgresInstanceMissing"): 1, "count(ALERTS)": 1})
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_reads_well(promtool: Path, tmp_path: Path) -> None:
    file = write_rules(tmp_path, EVERYTHING)
    key = series("cnpg_pg_replication_lag", pod(STANDBY))
    asked = {
        "eval_time": "30m",
        "alertname": "SocleReplicationLag",
        "exp_alerts": [
            {
                "exp_labels": {
                    "severity": "warning",
                    "namespace": "databases",
                    "server": "shared",
                    "job": "databases/socle-shared",
                    "pod": "shared-2",
                },
                "exp_annotations": {
                    "summary": "shared-2 is 1m 30s behind",
                    "description": "A standby of shared replays more slowly than the primary writes: readers see old "
                    "data, and a failover takes that long.",
                    "runbook_url": "https://example.org/docs/runbooks/socle-replication-lag.md",
                },
            }
        ],
    }
    given = [{"series": key, "values": "90x60"}]
    test = {"interval": "1m", "input_series": given, "alert_rule_test": [asked]}
    (tmp_path / "test.yaml").write_text(
        json.dumps({"rule_files": [str(file)], "evaluation_interval": "1m", "tests": [test]})
    )
    done = run(promtool, "test", "rules", str(tmp_path / "test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_no_fault_in_the_rules(promtool: Path, tmp_path: Path) -> None:
    done = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(write_rules(tmp_path, EVERYTHING)))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_expectation_is_found(promtool: Path, tmp_path: Path) -> None:
    write_rules(tmp_path, EVERYTHING)
    done = evaluate(promtool, tmp_path, healthy(), {firing("SoclePostgresDown"): 1})
    assert done.returncode != 0
