"""PromQL that the PostgreSQL dashboard's panels share. Pure."""

from __future__ import annotations

SERVER = 'namespace="$namespace",pod=~"$cluster-[0-9]+"'
"""The instances of the server that the viewer chose, whoever scrapes them."""
DATABASES = f'{SERVER},datname=~"$application"'
PER_DATABASE = "{{datname}}"
PER_POD = "{{pod}}"


def rate(metric: str, by: str, series: str = DATABASES) -> str:
    """Of a counter, a second."""
    return f"sum by ({by}) (rate({metric}{{{series}}}[$__rate_interval]))"


def increase(metric: str, by: str, series: str = DATABASES) -> str:
    """Of a counter, in the interval that one point stands for."""
    return f"sum by ({by}) (increase({metric}{{{series}}}[$__rate_interval]))"


def maximum(metric: str, by: str, series: str = SERVER) -> str:
    """Of a gauge."""
    return f"max by ({by}) ({metric}{{{series}}})"


def either(new: str, old: str) -> str:
    """Of checkpoints: PostgreSQL 17 moved these to a view of their own, and the operator's queries followed."""
    views = (f"cnpg_pg_stat_checkpointer_{new}", f"cnpg_pg_stat_bgwriter_{old}")
    return " or ".join(increase(view, "pod", SERVER) for view in views)
