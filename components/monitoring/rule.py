"""One alerting rule, and how the Prometheus operator wants it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How soon somebody must look. It is not how bad the cause is."""

    CRITICAL = "critical"
    """Now: users notice, data is at risk, or either is near."""
    WARNING = "warning"
    """Today."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One rule. `summary` and `description` may hold Prometheus' templates, such as `{{ $labels.pod }}`."""

    name: str
    expression: str
    """PromQL; each series in its result is an alert."""
    hold_seconds: int
    """How long it must be so before somebody is told."""
    severity: Severity
    summary: str
    """One line, for a notification."""
    description: str
    """What it means here, with the value that was found."""

    @property
    def slug(self) -> str:
        """`socle-backup-too-old`: its runbook is `docs/runbooks/<slug>.md`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", self.name).lower()

    def to_plain(self, labels: Mapping[str, str], runbooks: str) -> dict[str, Any]:
        """As a PrometheusRule has it; `labels` are added to each alert, `runbooks` is where the pages are read."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": f"{self.hold_seconds}s",
            "labels": {"severity": str(self.severity), **labels},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{runbooks.rstrip('/')}/{self.slug}.md",
            },
        }


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rules that are evaluated together; `labels` go to each alert of them."""

    name: str
    alerts: Sequence[Alert]
    labels: Mapping[str, str]

    def to_plain(self, runbooks: str) -> dict[str, Any]:
        """As a PrometheusRule has it."""
        return {"name": self.name, "rules": [alert.to_plain(self.labels, runbooks) for alert in self.alerts]}


def minutes(count: float) -> int:
    """Seconds."""
    return round(count * 60)


def number(value: float) -> str:
    """As PromQL reads it, without an exponent where it needs none: `60`, `0.8`, `500000000`."""
    return str(int(value)) if value == int(value) else repr(value)
