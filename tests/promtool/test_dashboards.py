"""Every query of every dashboard is PromQL, with Grafana's variables filled in.

Doesn't prove that a panel shows something; that its metrics are exported is the unit tier's.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from components.monitoring import dashboards
from components.monitoring.dashboard import Dashboard

VARIABLES = {
    "$__rate_interval": "5m",
    "$namespace": "databases",
    "$cluster": "shared",
    "$application": ".*",
    "$cache": ".*",
}


def checked(promtool: Path, folder: Path, queries: list[str]) -> subprocess.CompletedProcess[str]:
    """As recording rules, which promtool reads whole."""
    rules = [{"record": f"query:{at}", "expr": query} for at, query in enumerate(queries)]
    file = folder / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    return subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)


def filled_in(query: str) -> str:
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    return query


@pytest.mark.parametrize("board", dashboards.ALL, ids=lambda board: board.uid)
def test_each_query_is_promql(promtool: Path, tmp_path: Path, board: Dashboard) -> None:
    queries = [filled_in(line.query) for panel in board.panels for line in panel.lines]
    assert not [query for query in queries if "$" in query]
    done = checked(promtool, tmp_path, queries)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_no_promql_is_found(promtool: Path, tmp_path: Path) -> None:
    assert checked(promtool, tmp_path, ["sum by (pod (up)"]).returncode != 0
