"""The PostgreSQL dashboard's panels on queries, connections and locks. Pure."""

from __future__ import annotations

from components.monitoring.dashboard import Line, Panel, Row
from components.monitoring.postgres_series import DATABASES, PER_DATABASE, SERVER, increase, maximum, rate

QUERIES = Row(
    title="Queries",
    panels=(
        Panel(
            title="Time spent in queries",
            description="Seconds of execution a second, from pg_stat_statements: 1 is one session that is always busy.",
            unit="s",
            lines=(Line(query=rate("cnpg_socle_query_seconds_total", "datname"), legend=PER_DATABASE),),
        ),
        Panel(
            title="Mean time of a query",
            description="Seconds of execution for one statement, over all statements of a database.",
            unit="s",
            lines=(
                Line(
                    query=f"{rate('cnpg_socle_query_seconds_total', 'datname')} / "
                    f"{rate('cnpg_socle_query_calls_total', 'datname')}",
                    legend=PER_DATABASE,
                ),
            ),
        ),
        Panel(
            title="The statements that take most time",
            description="By their number in pg_stat_statements. Their text: SELECT query FROM pg_stat_statements WHERE "
            "queryid = ….",
            unit="s",
            lines=(
                Line(
                    query=f"topk(10, {rate('cnpg_socle_statement_seconds_total', 'datname, queryid')})",
                    legend="{{datname}} {{queryid}}",
                ),
            ),
        ),
        Panel(
            title="Transactions",
            description="Committed and rolled back, a second. Many rollbacks are errors of an application.",
            unit="ops",
            lines=(
                Line(query=rate("cnpg_pg_stat_database_xact_commit", "datname"), legend="{{datname}} committed"),
                Line(query=rate("cnpg_pg_stat_database_xact_rollback", "datname"), legend="{{datname}} rolled back"),
            ),
        ),
    ),
)

SESSIONS = Row(
    title="Connections and locks",
    panels=(
        Panel(
            title="Connections",
            description="Sessions by what they do; the limit is max_connections.",
            unit="short",
            lines=(
                Line(query=f"sum by (pod, state) (cnpg_backends_total{{{SERVER}}})", legend="{{pod}} {{state}}"),
                Line(
                    query=f'max(cnpg_pg_settings_setting{{{SERVER},name="max_connections"}})',
                    legend="max_connections",
                ),
            ),
        ),
        Panel(
            title="Connections of each role, of its limit",
            description="Roles that have a limit of their own; at 100 % their new sessions are refused.",
            unit="percentunit",
            maximum=1,
            lines=(
                Line(
                    query=f"{maximum('cnpg_socle_role_connections', 'pod, rolname')} / "
                    f"{maximum('cnpg_socle_role_connection_limit', 'pod, rolname')}",
                    legend="{{rolname}} on {{pod}}",
                ),
            ),
        ),
        Panel(
            title="Sessions that wait for a lock",
            description="“pull requests” is all branches together.",
            unit="short",
            lines=(
                Line(query=f"sum by (datname) (cnpg_socle_lock_wait_sessions{{{SERVER}}})", legend=PER_DATABASE),
                Line(query=maximum("cnpg_backends_waiting_total", "pod"), legend="pairs of sessions on {{pod}}"),
            ),
        ),
        Panel(
            title="The longest wait for a lock",
            description="How long the session that waits longest has waited.",
            unit="s",
            lines=(Line(query=maximum("cnpg_socle_lock_wait_longest_seconds", "datname"), legend=PER_DATABASE),),
        ),
        Panel(
            title="Locks by mode",
            description="Held locks; AccessExclusiveLock shuts out readers too.",
            unit="short",
            lines=(
                Line(
                    query=f"sum by (datname, mode) (cnpg_socle_locks_held{{{DATABASES}}})",
                    legend="{{datname}} {{mode}}",
                ),
            ),
        ),
        Panel(
            title="The longest transaction",
            description="While it is open no row that died since is removed, in any database.",
            unit="s",
            lines=(
                Line(
                    query=maximum("cnpg_backends_max_tx_duration_seconds", "datname, usename", DATABASES),
                    legend="{{datname}} {{usename}}",
                ),
            ),
        ),
        Panel(
            title="Deadlocks and conflicts",
            description="Transactions ended: two locked each other out, or replay on a standby needed their rows.",
            unit="short",
            lines=(
                Line(
                    query=increase("cnpg_pg_stat_database_deadlocks", "datname"),
                    legend="{{datname}} deadlocks",
                ),
                Line(
                    query=increase("cnpg_pg_stat_database_conflicts", "datname"),
                    legend="{{datname}} conflicts",
                ),
            ),
        ),
    ),
)
