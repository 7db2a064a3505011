"""Every metric that a rule or a dashboard reads is one that some exporter has.

The lists in `data/` are made from the exporters' source. That an exporter fills a metric with sense is not proven here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from components.monitoring import dashboards
from components.monitoring.args import Backups
from components.monitoring.manifests import queries_of
from tests.unit.monitoring_support import EVERYTHING, alerts
from tests.unit.promql import metric_names

DATA = Path(__file__).parent / "data"
LISTS = sorted(DATA.glob("*_metrics.txt"))
PROMETHEUS_OWN = {"up", "ALERTS"}


def exported() -> set[str]:
    listed = {line for file in LISTS for line in file.read_text().splitlines() if not line.startswith("#")}
    return listed | PROMETHEUS_OWN | {name for query in queries_of(EVERYTHING) for name in query.metrics}


def expressions() -> Iterator[tuple[str, str]]:
    """Where each stands, and it."""
    for backups in Backups:
        for alert in alerts(replace(EVERYTHING, backups=backups)):
            yield f"{alert.name} ({backups.value})", alert.expression
    for board in dashboards.ALL:
        for variable in board.variables:
            yield f"{board.uid}: {variable.name}", variable.query
        for panel in board.panels:
            for line in panel.lines:
                yield f"{board.uid}: {panel.title}", line.query


@pytest.mark.parametrize(("where", "expression"), [pytest.param(*one, id=one[0]) for one in expressions()])
def test_every_metric_is_one_that_an_exporter_has(where: str, expression: str) -> None:
    found = metric_names(expression)
    assert found, f"{where} reads no metric at all"
    assert found <= exported()


def test_a_misspelt_metric_is_found() -> None:
    expression = 'max by (pod) (cnpg_pg_replication_lagg{pod=~"shared-[0-9]+"}) > 60'
    assert metric_names(expression) - exported() == {"cnpg_pg_replication_lagg"}


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (a, b) (rate(x_total{l="y_total"}[5m])) / on (a) z > 1', {"x_total", "z"}),
        ('(count(u{j="a/b"} == 1 unless on (n) v) or vector(0)) == 0', {"u", "v"}),
        ("predict_linear(v_bytes{}[6h], 86400) < 0 and w < 5e-3", {"v_bytes", "w"}),
        ('label_values(m{namespace="$namespace"}, cluster)', {"m"}),
        ("time() - max(t > 0)", {"t"}),
        ("increase(c[$__rate_interval])", {"c"}),
        ('absent(a{x="{"})', {"a"}),
    ],
)
def test_names_are_read_out_of_promql(expression: str, names: set[str]) -> None:
    assert metric_names(expression) == names


@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.name)
def test_each_list_says_what_it_is_of(file: Path) -> None:
    first, *names = file.read_text().splitlines()
    assert first.startswith("# Metrics of ") and "v" in first
    assert names == sorted(set(names))


def test_there_are_lists() -> None:
    assert len(LISTS) == 5
