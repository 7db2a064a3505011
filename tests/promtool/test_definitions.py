"""PodMonitors and PrometheusRules hold what the operator's definitions allow, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from components.monitoring.args import Manifest
from components.monitoring.manifests import manifests
from tests.promtool.definitions import faults, schema
from tests.unit.monitoring_support import EVERYTHING

PLURALS = {"PodMonitor": "podmonitors", "PrometheusRule": "prometheusrules"}
MADE = [one for one in manifests(EVERYTHING) if one["kind"] in PLURALS]


@pytest.mark.parametrize("manifest", MADE, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_the_definition_allows_it(manifest: Manifest) -> None:
    assert list(faults(schema(PLURALS[manifest["kind"]]), manifest)) == []


def pod_monitor() -> dict[str, Any]:
    return copy.deepcopy(next(one for one in MADE if one["kind"] == "PodMonitor"))


def test_an_unknown_field_is_found() -> None:
    wrong = pod_monitor()
    wrong["spec"]["podMetricsEndpoint"] = wrong["spec"].pop("podMetricsEndpoints")
    assert set(faults(schema("podmonitors"), wrong)) == {".spec.podMetricsEndpoint is unknown"}


def test_a_wrong_value_is_found() -> None:
    wrong = pod_monitor()
    [endpoint] = wrong["spec"]["podMetricsEndpoints"]
    endpoint["scheme"] = "ftp"
    endpoint["port"] = 9187
    del wrong["spec"]["selector"]
    assert len(list(faults(schema("podmonitors"), wrong))) == 3


def test_a_wrong_duration_is_found() -> None:
    [rule] = [copy.deepcopy(one) for one in MADE if one["kind"] == "PrometheusRule"]
    rule["spec"]["groups"][0]["rules"][0]["for"] = "ten minutes"
    [found] = faults(schema("prometheusrules"), rule)
    assert "ten minutes" in found
