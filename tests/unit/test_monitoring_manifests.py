"""Scrape targets, custom queries and dashboards: what they say, and that what refers to each other meets."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branching import metadata
from branching.measures import TYPICAL, Measures
from branching.names import parse_branch, parse_snapshot, parse_warm
from components.monitoring import branching_queries, dashboards, pod_monitor
from components.monitoring.args import MonitoringArgs, RedisTarget
from components.monitoring.dashboard import Dashboard, Panel
from components.monitoring.manifests import PARAMETERS, cluster_monitoring, custom_queries, manifests, queries_of
from components.monitoring.queries import KEY, Query
from tests.unit.monitoring_support import EVERYTHING

PANELS = [(board, panel) for board in dashboards.ALL for panel in board.panels]
UNITS = {"s", "ms", "bytes", "Bps", "ops", "percentunit", "short", "none"}


def monitor(args: MonitoringArgs, name: str) -> dict[str, Any]:
    [found] = [one for one in pod_monitor.manifests(args) if one["metadata"]["name"] == name]
    return found


def test_every_object_has_a_name_of_its_own_and_lies_beside_the_server() -> None:
    made = manifests(EVERYTHING)
    named = Counter((one["kind"], one["metadata"]["name"]) for one in made)
    assert set(named.values()) == {1}
    assert {one["metadata"]["namespace"] for one in made} == {"databases"}
    kinds = Counter(one["kind"] for one in made)
    assert kinds == {"ConfigMap": 4, "PodMonitor": 3, "PrometheusRule": 1}


def test_instances_alone_are_scraped_as_the_cluster() -> None:
    made = monitor(EVERYTHING, "socle-shared")
    assert made["spec"]["selector"]["matchLabels"] == {"cnpg.io/cluster": "shared", "cnpg.io/podRole": "instance"}
    [endpoint] = made["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == "metrics"
    assert endpoint["scheme"] == "https"
    assert endpoint["tlsConfig"]["ca"]["secret"] == {"name": "shared-ca", "key": "ca.crt"}
    assert made["metadata"]["labels"] == {"release": "prometheus"}


def test_without_tls_the_endpoint_is_plain() -> None:
    [endpoint] = monitor(replace(EVERYTHING, metrics_tls=False), "socle-shared")["spec"]["podMetricsEndpoints"]
    assert not {"scheme", "tlsConfig"} & set(endpoint)
    assert "tls" not in cluster_monitoring(replace(EVERYTHING, metrics_tls=False))
    assert cluster_monitoring(EVERYTHING)["tls"] == {"enabled": True}


def test_poolers_and_caches_are_scraped() -> None:
    pooler = monitor(EVERYTHING, "socle-shared-rw")["spec"]
    assert pooler["selector"]["matchLabels"] == {"cnpg.io/poolerName": "shared-rw"}
    cache = monitor(EVERYTHING, "socle-cache")["spec"]
    assert cache == {"selector": {"matchLabels": {"app": "cache"}}, "podMetricsEndpoints": [{"port": "metrics"}]}


@pytest.mark.parametrize(
    ("series", "dropped"),
    [
        ("cnpg_pg_stat_database_xact_commit;pr_12", True),
        ("cnpg_pg_stat_database_xact_commit;pr_12_city_api", True),
        ("cnpg_pg_database_size_bytes;pr_12", True),
        ("cnpg_pg_stat_database_xact_commit;city_api", False),
        ("cnpg_pg_stat_database_xact_commit;pr_office", False),
        ("cnpg_pg_database_xid_age;pr_12", False),
        ("cnpg_backends_total;pr_12", False),
    ],
)
def test_series_of_branches_are_dropped_but_what_rules_need(series: str, dropped: bool) -> None:
    [endpoint] = monitor(EVERYTHING, "socle-shared")["spec"]["podMetricsEndpoints"]
    [relabeling] = endpoint["metricRelabelings"]
    assert relabeling["action"] == "drop"
    assert bool(re.fullmatch(relabeling["regex"], series)) is dropped


def test_the_cluster_refers_to_the_queries_by_name_and_key() -> None:
    [reference] = cluster_monitoring(EVERYTHING)["customQueriesConfigMap"]
    made = custom_queries(EVERYTHING)
    assert reference == {"name": made["metadata"]["name"], "key": KEY}
    assert set(made["data"]) == {KEY}
    assert made["metadata"]["labels"]["cnpg.io/reload"] == "true"
    assert PARAMETERS["pg_stat_statements.track_utility"] == "off", "else passwords of ALTER ROLE are kept"


def test_branching_is_watched_only_where_it_is() -> None:
    without = replace(EVERYTHING, branching=False, caches=())
    assert not [query.name for query in queries_of(without) if query.name.startswith("socle_branch")]
    assert [board.uid for board in dashboards.chosen(without)] == ["socle-postgres"]


@pytest.mark.parametrize("query", queries_of(EVERYTHING), ids=lambda query: query.name)
def test_a_query_runs_where_its_figures_differ(query: Query) -> None:
    assert query.primary is (query in branching_queries.QUERIES)
    assert query.metrics
    assert all(column.description for column in query.columns)


@pytest.mark.parametrize(("board", "panel"), [pytest.param(*one, id=one[1].title) for one in PANELS])
def test_every_panel_is_whole(board: Dashboard, panel: Panel) -> None:
    assert panel.title and panel.description.endswith((".", "…."))
    assert panel.unit in UNITS
    assert panel.lines
    legends = [line.legend for line in panel.lines]
    assert len(set(legends)) == len(legends)
    for line in panel.lines:
        grouped = re.match(r"(?:topk\(\d+, )?(?:sum|max|min) by \(([^)]*)\)", line.query)
        told = set(re.findall(r"\{\{(\w+)\}\}", line.legend))
        assert told <= ({name.strip() for name in grouped[1].split(",")} if grouped else set()), (
            "a label that is summed away"
        )


@pytest.mark.parametrize("board", dashboards.ALL, ids=lambda board: board.uid)
def test_a_dashboard_reads_as_grafana_wants_it(board: Dashboard) -> None:
    plain = board.to_plain()
    assert plain["templating"]["list"][0]["type"] == "datasource"
    named = {f"${variable.name}" for variable in board.variables} | {"$__rate_interval"}
    for panel in plain["panels"]:
        if panel["type"] == "row":
            continue
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert set(re.findall(r"\$\w+", target["expr"])) <= named
            assert "$namespace" in target["expr"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in plain["panels"]]
    assert len(set(places)) == len(places)
    assert [panel["id"] for panel in plain["panels"]] == list(range(1, len(plain["panels"]) + 1))


def test_dashboards_come_by_a_label_of_the_settings() -> None:
    own = replace(EVERYTHING, dashboard_labels={"dashboards": "yes"})
    made = dashboards.manifests(own)
    assert {tuple(one["metadata"]["labels"].items()) for one in made} == {(("dashboards", "yes"),)}
    for one in made:
        [(file, text)] = one["data"].items()
        assert json.loads(text)["uid"] == file.removesuffix(".json")


def test_a_cache_is_chosen_by_the_job_that_its_pod_monitor_makes() -> None:
    args = replace(EVERYTHING, caches=(RedisTarget(name="other", pod_labels={"app": "other"}),))
    assert "PodMonitor" in {one["kind"] for one in manifests(args)}
    assert monitor(args, "socle-other")["metadata"]["namespace"] == "databases"


# What follows holds the patterns of the queries against the code that writes the comments.

_TEXTS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=30)
_NASTY = st.sampled_from(['", "seconds": 9', '"taken_at": "2020-01-01T00:00:00+00:00"', "\\", '\\"version\\": 3', "{}"])
_TEXT = _TEXTS | _NASTY
_NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
_MOMENTS = st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat() + "+00:00")
_SECONDS = st.floats(min_value=0, max_value=1e6).map(lambda value: round(value, 3))


def read(text: str, key: str, value: str) -> str | None:
    found = re.search(branching_queries.pattern(key, value), text, re.DOTALL)
    return found[1] if found else None


@given(
    application=_NAMES, taken_at=_MOMENTS, seconds=_SECONDS, version=st.integers(1, 10**6), comment=_TEXT, setting=_TEXT
)
def test_a_snapshots_comment_is_read_as_branching_reads_it(
    application: str, taken_at: str, seconds: float, version: int, comment: str, setting: str
) -> None:
    written = metadata.SnapshotMetadata(
        application=application,
        database="x",
        version=version,
        taken_at=taken_at,
        rules_digest="",
        rows=1,
        bytes=2,
        seconds=seconds,
        dropped=(),
        settings=(setting,),
        login_settings=(),
        owner=comment,
        comment=comment,
        rules={"keep": 3},
        measures=Measures(server_version=180004, taken_at="2001-01-01T00:00:00+00:00", tablespace=comment).to_plain(),
    )
    text = metadata.encode(written)
    assert text.startswith('{"socle": {')
    assert read(text, "application", branching_queries.TEXT) == application
    assert read(text, "content", branching_queries.TEXT) == "masked"
    assert read(text, "kind", branching_queries.TEXT) == "snapshot"
    assert float(read(text, "version", branching_queries.NUMBER) or -1) == version
    assert float(read(text, "seconds", branching_queries.NUMBER) or -1) == seconds
    moment = re.search(branching_queries.pattern("taken_at", branching_queries.MOMENT), text, re.DOTALL)
    assert moment is not None
    assert "{}-{}-{}T{}:{}:{}+00:00".format(*moment.groups()) == taken_at


@given(application=_NAMES, created_at=_MOMENTS, seconds=_SECONDS, number=st.integers(1, 10**6), comment=_TEXT)
def test_a_branchs_comment_is_read_as_branching_reads_it(
    application: str, created_at: str, seconds: float, number: int, comment: str
) -> None:
    written = metadata.BranchMetadata(
        application=application,
        database="x",
        pull_request=number,
        snapshot_version=1,
        snapshot_taken_at="2001-01-01T00:00:00+00:00",
        created_at=created_at,
        ttl_seconds=5,
        idle_seconds=6,
        comment=comment,
        seconds=seconds,
    )
    text = metadata.encode(written)
    assert read(text, "application", branching_queries.TEXT) == application
    assert read(text, "kind", branching_queries.TEXT) == "branch"
    assert read(text, "pull_request", branching_queries.NUMBER) == str(number)
    assert float(read(text, "seconds", branching_queries.NUMBER) or -1) == seconds


def test_nothing_that_is_measured_has_the_name_of_a_key_behind_it() -> None:
    outer = {"application", "content", "kind", "version", "seconds", "pull_request", "created_at"}
    assert not outer & set(TYPICAL.to_plain())
    assert "taken_at" > "measures", "keys are sorted: the outer one is the last"


@pytest.mark.parametrize(
    "name", ["pr_1", "pr_12_city_api", "pr_0", "pr_1_", "pr_", "x_snapshot_v1", "x_snapshot_v0", "x_warm_v1_1", "pr_x"]
)
def test_names_are_told_apart_as_branching_does(name: str) -> None:
    assert bool(re.match(branching_queries.BRANCH_NAME, name)) is (parse_branch(name) is not None)
    assert bool(re.match(branching_queries.SNAPSHOT_NAME, name)) is (parse_snapshot(name) is not None)
    assert bool(re.match(branching_queries.WARM_NAME, name)) is (parse_warm(name) is not None)
