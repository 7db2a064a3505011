"""Custom queries as CloudNativePG's exporter runs them, and the ConfigMap that holds them. Pure.

The exporter runs each in a read-only transaction as `pg_monitor`. Two rows with the same labels would make the whole
scrape fail, a column that isn't declared makes it pass over the query with no more than a line in its log
(pkg/management/postgres/metrics/collector.go of v1.28.0): so each query groups by its labels,
and tests compare the columns.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from components.monitoring.args import Manifest

DATABASE = "postgres"
"""Where they run: nobody but the administrator can put a function there that would shadow one of PostgreSQL's."""
KEY = "queries"
"""The ConfigMap's key."""


class Usage(StrEnum):
    """What the exporter makes of a column."""

    LABEL = "LABEL"
    GAUGE = "GAUGE"
    COUNTER = "COUNTER"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a query's result."""

    name: str
    usage: Usage
    description: str


@dataclass(frozen=True, kw_only=True)
class Query:
    """One query; column `total` of the query `socle_branches` becomes the metric `cnpg_socle_branches_total`."""

    name: str
    sql: str
    columns: Sequence[Column]
    primary: bool
    """Whether the primary alone runs it: what is the same on every instance would be counted once for each."""
    predicate: str = ""
    """SQL that says whether to run it at all; empty is always."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names that Prometheus sees."""
        return tuple(f"cnpg_{self.name}_{one.name}" for one in self.columns if one.usage is not Usage.LABEL)

    def to_plain(self) -> dict[str, Any]:
        """As the exporter reads it."""
        plain: dict[str, Any] = {"query": LiteralScalarString(self.sql), "target_databases": [DATABASE]}
        if self.primary:
            plain["primary"] = True
        if self.predicate:
            plain["predicate_query"] = LiteralScalarString(self.predicate)
        columns = ({one.name: {"usage": str(one.usage), "description": one.description}} for one in self.columns)
        return {**plain, "metrics": list(columns)}


def label(name: str, description: str) -> Column:
    """A column that tells rows apart."""
    return Column(name=name, usage=Usage.LABEL, description=description)


def gauge(name: str, description: str) -> Column:
    """A column whose value goes up and down."""
    return Column(name=name, usage=Usage.GAUGE, description=description)


def counter(name: str, description: str) -> Column:
    """A column whose value only grows, until it is reset."""
    return Column(name=name, usage=Usage.COUNTER, description=description)


def render(queries: Iterable[Query]) -> str:
    """The YAML that the exporter reads."""
    stream = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.dump({query.name: query.to_plain() for query in queries}, stream)
    return stream.getvalue()


def config_map(name: str, namespace: str, queries: Iterable[Query]) -> Manifest:
    """A ConfigMap for `spec.monitoring.customQueriesConfigMap`; with its label the operator sees each change of it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"cnpg.io/reload": "true"}},
        "data": {KEY: render(queries)},
    }
