"""A pull request from open to close in the cluster: its own namespace, data, image; nothing left, the base untouched.

Doesn't prove: that the network keeps what its policies say; the test cluster's knows none, so the objects are
compared instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.checkout import Checkout
from tests.kubernetes.support import Cluster, until

NUMBER, NAMESPACE, BRANCH = "123", "city-api-pr-123", "pr_123"
COMMUNES = 40


@pytest.fixture(scope="module")
def base(cluster: Cluster, dev: Checkout) -> Checkout:
    """The `dev` environment with communes in it."""
    rows = ", ".join(f"('{number:05}', 'Commune {number}', '69', '84', {number})" for number in range(COMMUNES))
    cluster.sql(
        "SET ROLE city_api_owner; INSERT INTO region (code, name) VALUES ('84', 'Auvergne-Rhône-Alpes') "
        "ON CONFLICT DO NOTHING; INSERT INTO department (code, name, region_code) VALUES ('69', 'Rhône', '84') "
        "ON CONFLICT DO NOTHING; INSERT INTO commune (code, name, department_code, region_code, population) VALUES "
        f"{rows} ON CONFLICT DO NOTHING",
        "city_api",
    )
    with (dev.root / "masking" / "city-api.yaml").open("a", encoding="utf-8") as file:
        # The release in the cluster keeps its place in a table of its own.
        file.write("  public.alembic_version:\n    version_num: keep\n")
    dev.run("up", "dev")
    dev.run("snapshot", "city-api", "--env", "dev")
    return dev


@pytest.fixture(scope="module")
def opened(cluster: Cluster, base: Checkout) -> Iterator[Checkout]:
    """The pull request, up at the base environment's image."""
    base.run("pr", NUMBER, "--base", "dev")
    yield base
    base.run("pr-down", NUMBER, expect=None)


def ask(cluster: Cluster, path: str, namespace: str = NAMESPACE) -> Any:
    return cluster.http(namespace, "city-api", path)


def checksum(cluster: Cluster) -> str:
    return cluster.sql("SELECT md5(string_agg(commune::text, ',' ORDER BY id)) FROM commune", "city_api")


def test_the_application_answers_with_the_copied_rows(cluster: Cluster, opened: Checkout) -> None:
    assert ask(cluster, "/health") == {"status": "ok", "user": "city_api_branch", "database": BRANCH}
    found = ask(cluster, "/communes?name=Commune")
    assert len(found) == COMMUNES
    assert ask(cluster, "/version") == {"version": "test"}


def test_a_write_to_the_copy_leaves_production_as_it_was(cluster: Cluster, opened: Checkout) -> None:
    before = checksum(cluster)
    cluster.sql("DELETE FROM commune", BRANCH)
    assert ask(cluster, "/communes?name=Commune") == []
    assert checksum(cluster) == before


def test_a_push_keeps_the_data_and_migrates_to_the_new_image(cluster: Cluster, opened: Checkout) -> None:
    cluster.sql("UPDATE region SET name = 'kept' WHERE code = '84'", BRANCH)
    opened.run("pr", NUMBER, "--base", "dev", "--tag", "test2")
    until(lambda: ask(cluster, "/version") == {"version": "test2"}, "the new image answers")
    column = (
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'commune' AND column_name = 'elevation_m'"
    )
    assert cluster.sql(column, BRANCH) == "1"
    assert cluster.sql(column, "city_api") == "0"
    assert cluster.sql("SELECT name FROM region WHERE code = '84'", BRANCH) == "kept"


def test_a_reset_makes_the_data_afresh(cluster: Cluster, opened: Checkout) -> None:
    opened.run("pr", NUMBER, "--base", "dev", "--tag", "test2", "--reset")
    until(lambda: len(ask(cluster, "/communes?name=Commune") or []) == COMMUNES, "the rows are back")
    assert cluster.sql("SELECT name FROM region WHERE code = '84'", BRANCH) == "Auvergne-Rhône-Alpes"


def test_the_namespace_is_held_within_bounds(cluster: Cluster, opened: Checkout) -> None:
    labels = cluster.core.read_namespace(NAMESPACE).metadata.labels
    assert labels["socle.dev/pull-request"] == NUMBER
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    quota = cluster.core.read_namespaced_resource_quota("pull-request", NAMESPACE)
    assert quota.spec.hard["pods"] == "10"
    refused = cluster.refused_pod(NAMESPACE, cpu="3")
    assert "exceeded quota" in refused, refused
    policy = cluster.policy(NAMESPACE, "pull-request")
    assert sorted(policy.policy_types) == ["Egress", "Ingress"]
    assert {rule.to[0].namespace_selector.match_labels["kubernetes.io/metadata.name"]
            for rule in policy.egress if rule.to and rule.to[0].namespace_selector} == {"databases"}  # fmt: skip


def test_the_pull_request_can_not_reach_production(cluster: Cluster, opened: Checkout) -> None:
    own = cluster.secret(NAMESPACE, "city-api-env")
    assert own["CITY_API_DB_NAME"] == BRANCH
    variables = {
        "PGHOST": own["CITY_API_DB_HOST"],
        "PGUSER": own["CITY_API_DB_USER"],
        "PGPASSWORD": own["CITY_API_DB_PWD"],
    }
    done = cluster.run(
        NAMESPACE, ["psql", "-X", "-d", "city_api", "-c", "SELECT 1"], secrets=["city-api-env"], env=variables
    )
    assert not done.ok
    assert "permission denied for database" in done.log, done.log


def test_nothing_is_left_after_its_close(cluster: Cluster, opened: Checkout) -> None:
    before = checksum(cluster)
    opened.run("pr-down", NUMBER)
    assert cluster.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{BRANCH}'") == "0"
    assert cluster.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{BRANCH}'") == "0"
    until(lambda: NAMESPACE not in cluster.namespaces(), "the namespace is gone")
    secrets = {one.metadata.name for one in cluster.core.list_namespaced_secret("databases").items}
    assert f"{NAMESPACE}-login" not in secrets
    assert checksum(cluster) == before
