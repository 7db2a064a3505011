"""What a command makes of a CronJob's arguments."""

from __future__ import annotations

from components.postgres import branching_pods
from components.postgres.branching_pods import BranchingAccess, SnapshotPlan
from tools.commands.cluster_snapshots import arguments

ACCESS = BranchingAccess(host="h", image="i", login_secret="l", authority_secret="a")
PLAN = SnapshotPlan(application="city-api", database="city_api", rules_config="rules", salt_secret="s")


def given() -> list[str]:
    pod = branching_pods.snapshot(ACCESS, PLAN, max_age_hours=24)
    return list(pod["containers"][0]["args"])


def after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_by_hand_no_age_keeps_from_a_new_one() -> None:
    assert after(given(), "--max-age-hours") == "24"
    changed = arguments(given(), content="schema", hours=0)
    assert "--max-age-hours" not in changed
    assert after(changed, "--content") == "schema"
    assert after(changed, "--app") == "city-api"
    assert after(changed, "--rules") == "/masking/rules.yaml"


def test_a_first_one_is_asked_for_by_an_age_that_nothing_has() -> None:
    changed = arguments(given(), content="masked", hours=1_000_000)
    assert after(changed, "--max-age-hours") == "1000000"
    assert changed.count("--max-age-hours") == 1
