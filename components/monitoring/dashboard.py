"""Grafana dashboards as plain dictionaries: panels, variables, and how they are laid out. Pure.

The form is that of Grafana's schema 39 (Grafana 11); newer ones read it. Every panel reads the data source that the
viewer chooses, so a dashboard belongs to no installation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.monitoring.args import Manifest

DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT = 12, 8
"""Grafana's grid has 24 columns: two panels a line."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One query of a panel, and what its series are called."""

    query: str
    legend: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One graph over time. `unit` is Grafana's id of one, such as `s`, `bytes`, `percentunit`, `short`."""

    title: str
    description: str
    unit: str
    lines: Sequence[Line]
    maximum: float | None = None
    """Of the axis, where the value has one."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """What the viewer chooses from: the values of a label."""

    name: str
    label: str
    query: str
    """`label_values(metric{matchers}, label)`."""
    several: bool = False
    """Whether many can be chosen, all of them at first."""


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """One dashboard. `uid` is its address in Grafana: changed, links to it break."""

    uid: str
    title: str
    description: str
    variables: Sequence[Variable]
    rows: Sequence[Row]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All of them, in order."""
        return tuple(panel for row in self.rows for panel in row.panels)

    def to_plain(self) -> dict[str, Any]:
        """As Grafana reads it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["socle"],
            "schemaVersion": 39,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "1m",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "browser",
            "templating": {"list": [_DATA_SOURCE_VARIABLE, *map(_variable, self.variables)]},
            "panels": _laid_out(self.rows),
        }


def config_map(name: str, namespace: str, labels: Mapping[str, str], dashboard: Dashboard) -> Manifest:
    """A ConfigMap that Grafana's sidecar takes by its labels."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "data": {f"{dashboard.uid}.json": json.dumps(dashboard.to_plain(), ensure_ascii=False, indent=1)},
    }


_DATA_SOURCE_VARIABLE = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": DATA_SOURCE,
        "query": {"query": variable.query, "refId": variable.name},
        # 2: again whenever the time range changes, for what came and went.
        "refresh": 2,
        "sort": 1,
    }
    if variable.several:
        everything = {"text": ["All"], "value": ["$__all"]}
        plain |= {"multi": True, "includeAll": True, "allValue": ".*", "current": everything}
    return plain


def _laid_out(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The panels with their places: a heading, then two a line."""
    placed: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        placed.append(_heading(len(placed) + 1, row.title, top))
        top += 1
        for at, panel in enumerate(row.panels):
            place = {"x": at % 2 * _WIDTH, "y": top + at // 2 * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
            placed.append(_panel(len(placed) + 1, panel, place))
        top += (len(row.panels) + 1) // 2 * _HEIGHT
    return placed


def _heading(number: int, title: str, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": 24, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(number: int, panel: Panel, place: Mapping[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10, "showPoints": "never"}}
    if panel.maximum is not None:
        defaults["max"] = panel.maximum
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": DATA_SOURCE,
        "gridPos": dict(place),
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [_target(at, line) for at, line in enumerate(panel.lines)],
    }


def _target(at: int, line: Line) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + at),
        "datasource": DATA_SOURCE,
        "expr": line.query,
        "legendFormat": line.legend,
    }
