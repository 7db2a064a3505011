"""The PostgreSQL dashboard: one server, all of its databases or some. Pure."""

from __future__ import annotations

from components.monitoring.dashboard import Dashboard, Variable
from components.monitoring.postgres_panels_durability import REPLICATION, STORAGE, WAL
from components.monitoring.postgres_panels_use import QUERIES, SESSIONS
from components.monitoring.postgres_series import SERVER

VARIABLES = (
    Variable(name="namespace", label="Namespace", query="label_values(cnpg_collector_up, namespace)"),
    Variable(name="cluster", label="Server", query='label_values(cnpg_collector_up{namespace="$namespace"}, cluster)'),
    Variable(
        name="application",
        label="Application's database",
        query=f"label_values(cnpg_pg_stat_database_xact_commit{{{SERVER}}}, datname)",
        several=True,
    ),
)

DASHBOARD = Dashboard(
    uid="socle-postgres",
    title="Socle: PostgreSQL",
    description="Query time, locks, connections, replication, WAL and checkpoints of one server.",
    variables=VARIABLES,
    rows=(QUERIES, SESSIONS, REPLICATION, WAL, STORAGE),
)
