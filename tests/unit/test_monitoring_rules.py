"""The rules: which there are for which server, what each one says, and that each has its page and its proofs."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from components.monitoring import rules
from components.monitoring.args import Backups, MonitoringArgs, RedisTarget, Thresholds
from components.monitoring.rule import Alert
from tests.promtool.cases import CASES
from tests.unit.monitoring_support import EVERYTHING, alerts

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
HEADINGS = ("## What it means", "## What users notice", "## Look", "## Mend", "## Over")

SMALL = MonitoringArgs(
    cluster="shared",
    namespace="databases",
    instances=1,
    runbooks="https://example.org",
    volume_stats=False,
    certificates=False,
    branching=False,
)


def names(args: MonitoringArgs) -> set[str]:
    return {alert.name for alert in alerts(args)}


def expression(args: MonitoringArgs, name: str) -> str:
    [found] = [alert.expression for alert in alerts(args) if alert.name == name]
    return found


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_each_rule_fires_in_one_case_and_not_in_another(alert: Alert) -> None:
    of_it = [case for case in CASES if case.alert == alert.name]
    assert {case.fires for case in of_it} == {True, False}


def test_no_case_is_of_a_rule_that_is_gone() -> None:
    assert {case.alert for case in CASES} == names(EVERYTHING)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_each_rule_has_its_runbook(alert: Alert) -> None:
    page = (RUNBOOKS / f"{alert.slug}.md").read_text()
    assert page.startswith(f"# {alert.name}\n")
    found = [line for line in page.splitlines() if line.startswith("## ")]
    assert tuple(found) == HEADINGS
    assert "```" in page, "a command to copy"


def test_no_runbook_is_of_a_rule_that_is_gone() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == {alert.slug for alert in alerts()}


def test_the_index_lists_every_rule_with_its_severity() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\(([\w-]+)\.md\) \| (\w+) \|", (RUNBOOKS / "README.md").read_text(), re.MULTILINE)
    assert rows == [(alert.name, alert.slug, alert.severity) for alert in alerts()]


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_what_a_runbook_has_one_type_is_shell(page: Path) -> None:
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
        filled_in = re.sub(r"<[\w' ]+>", "placeholder", block)
        done = subprocess.run(["sh", "-n"], input=filled_in, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_links_between_runbooks_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([\w./-]+\.md)", page.read_text()):
        assert (page.parent / target).is_file(), target


def test_each_alert_says_where_to_read_on_and_whom_it_is_about() -> None:
    [manifest] = rules.manifests(EVERYTHING)
    for group in manifest["spec"]["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["runbook_url"].startswith("https://example.org/docs/runbooks/socle-")
            assert rule["labels"]["server"] == "shared"
            assert rule["labels"]["namespace"] == "databases"
            assert rule["labels"]["severity"] in {"critical", "warning"}
    assert manifest["metadata"]["labels"] == {"release": "prometheus"}


def test_slugs_are_the_names_in_words() -> None:
    assert {alert.name: alert.slug for alert in alerts()}[
        "SocleTransactionIdsRunOut"
    ] == "socle-transaction-ids-run-out"


def test_a_small_server_has_no_rule_that_could_not_be_quiet() -> None:
    assert names(SMALL) == {
        "SoclePostgresDown",
        "SocleNoSinglePrimary",
        "SocleConnectionsNearLimit",
        "SocleRoleConnectionsNearLimit",
        "SocleLongTransaction",
        "SocleTransactionIdsRunOut",
        "SocleReplicationSlotHoldsWal",
        "SocleMetricsQueriesFail",
    }
    assert [group.name for group in rules.groups(SMALL)] == ["socle-postgres"]


def test_standbys_have_rules_where_there_are_some() -> None:
    added = names(replace(SMALL, instances=2)) - names(SMALL)
    assert added == {"SoclePostgresInstanceMissing", "SocleReplicationLag", "SocleReplicationBroken"}


def test_backups_are_watched_by_whoever_takes_them() -> None:
    assert "SocleWalArchivingFailing" not in names(SMALL)
    plugin = expression(replace(SMALL, backups=Backups.PLUGIN), "SocleBackupTooOld")
    operator = expression(replace(SMALL, backups=Backups.OPERATOR), "SocleBackupTooOld")
    assert "barman_cloud_cloudnative_pg_io_last_available" in plugin
    assert "cnpg_collector" not in plugin, "it reads 0 under the plugin"
    assert "cnpg_collector_last_available" in operator


def test_a_cache_without_replicas_needs_none() -> None:
    alone = replace(SMALL, caches=(RedisTarget(name="cache", pod_labels={"app": "cache"}),))
    assert "SocleRedisDown" in names(alone)
    assert "SocleRedisReplicationBroken" not in names(alone)


def test_thresholds_reach_the_expressions() -> None:
    changed = Thresholds(replication_lag_seconds=7, backup_age_seconds=11, snapshot_age_seconds=13.5)
    args = replace(EVERYTHING, thresholds=changed)
    assert expression(args, "SocleReplicationLag").endswith("> 7")
    assert expression(args, "SocleBackupTooOld").endswith("> 11")
    assert expression(args, "SocleSnapshotTooOld").endswith("> 13.5")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cluster": "Shared"}, "'Shared'"),
        ({"namespace": ""}, "''"),
        ({"instances": 0}, "0 instances"),
        ({"poolers": ("shared",)}, "shared"),
        ({"poolers": ("a.b",)}, "'a.b'"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        replace(SMALL, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed", [{"connections_share": 80}, {"volume_free_share": 1}, {"backup_age_seconds": 0}, {"slot_bytes": -1}]
)
def test_a_threshold_that_makes_no_sense_is_refused(changed: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(changed))):
        Thresholds(**changed)


def test_a_cache_without_labels_would_be_every_pod() -> None:
    with pytest.raises(ValueError, match="labels"):
        RedisTarget(name="cache", pod_labels={})
