"""The PostgreSQL dashboard: one server, all of its databases or some. Pure."""

from __future__ import annotations

from components.monitoring.dashboard import Dashboard, Line, Panel, Row, Variable

_SERVER = 'namespace="$namespace",pod=~"$cluster-[0-9]+"'
_DATABASES = f'{_SERVER},datname=~"$application"'
_PER_DATABASE = "{{datname}}"
_PER_POD = "{{pod}}"

VARIABLES = (
    Variable(name="namespace", label="Namespace", query="label_values(cnpg_collector_up, namespace)"),
    Variable(name="cluster", label="Server", query='label_values(cnpg_collector_up{namespace="$namespace"}, cluster)'),
    Variable(
        name="application",
        label="Application's database",
        query=f"label_values(cnpg_pg_stat_database_xact_commit{{{_SERVER}}}, datname)",
        several=True,
    ),
)


def _rate(metric: str, by: str, series: str = _DATABASES) -> str:
    return f"sum by ({by}) (rate({metric}{{{series}}}[$__rate_interval]))"


def _increase(metric: str, by: str, series: str = _DATABASES) -> str:
    return f"sum by ({by}) (increase({metric}{{{series}}}[$__rate_interval]))"


def _maximum(metric: str, by: str, series: str = _SERVER) -> str:
    return f"max by ({by}) ({metric}{{{series}}})"


def _either(new: str, old: str) -> str:
    """Of checkpoints: PostgreSQL 17 moved them to a view of their own, and the operator's queries followed."""
    views = (f"cnpg_pg_stat_checkpointer_{new}", f"cnpg_pg_stat_bgwriter_{old}")
    return " or ".join(_increase(view, "pod", _SERVER) for view in views)


_QUERIES = Row(
    title="Queries",
    panels=(
        Panel(
            title="Time spent in queries",
            description="Seconds of execution a second, from pg_stat_statements: 1 is one session that is always busy.",
            unit="s",
            lines=(Line(query=_rate("cnpg_socle_query_seconds_total", "datname"), legend=_PER_DATABASE),),
        ),
        Panel(
            title="Mean time of a query",
            description="Seconds of execution for one statement, over all statements of a database.",
            unit="s",
            lines=(
                Line(
                    query=f"{_rate('cnpg_socle_query_seconds_total', 'datname')} / "
                    f"{_rate('cnpg_socle_query_calls_total', 'datname')}",
                    legend=_PER_DATABASE,
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
                    query=f"topk(10, {_rate('cnpg_socle_statement_seconds_total', 'datname, queryid')})",
                    legend="{{datname}} {{queryid}}",
                ),
            ),
        ),
        Panel(
            title="Transactions",
            description="Committed and rolled back, a second. Many rollbacks are errors of an application.",
            unit="ops",
            lines=(
                Line(query=_rate("cnpg_pg_stat_database_xact_commit", "datname"), legend="{{datname}} committed"),
                Line(query=_rate("cnpg_pg_stat_database_xact_rollback", "datname"), legend="{{datname}} rolled back"),
            ),
        ),
    ),
)

_SESSIONS = Row(
    title="Connections and locks",
    panels=(
        Panel(
            title="Connections",
            description="Sessions by what they do; the limit is max_connections.",
            unit="short",
            lines=(
                Line(query=f"sum by (pod, state) (cnpg_backends_total{{{_SERVER}}})", legend="{{pod}} {{state}}"),
                Line(
                    query=f'max(cnpg_pg_settings_setting{{{_SERVER},name="max_connections"}})',
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
                    query=f"{_maximum('cnpg_socle_role_connections', 'pod, rolname')} / "
                    f"{_maximum('cnpg_socle_role_connection_limit', 'pod, rolname')}",
                    legend="{{rolname}} on {{pod}}",
                ),
            ),
        ),
        Panel(
            title="Sessions that wait for a lock",
            description="“pull requests” is all branches together.",
            unit="short",
            lines=(
                Line(query=f"sum by (datname) (cnpg_socle_lock_wait_sessions{{{_SERVER}}})", legend=_PER_DATABASE),
                Line(query=_maximum("cnpg_backends_waiting_total", "pod"), legend="pairs of sessions on {{pod}}"),
            ),
        ),
        Panel(
            title="The longest wait for a lock",
            description="How long the session that waits longest has waited.",
            unit="s",
            lines=(Line(query=_maximum("cnpg_socle_lock_wait_longest_seconds", "datname"), legend=_PER_DATABASE),),
        ),
        Panel(
            title="Locks by mode",
            description="Held locks; AccessExclusiveLock shuts out readers too.",
            unit="short",
            lines=(
                Line(
                    query=f"sum by (datname, mode) (cnpg_socle_locks_held{{{_DATABASES}}})",
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
                    query=_maximum("cnpg_backends_max_tx_duration_seconds", "datname, usename", _DATABASES),
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
                    query=_increase("cnpg_pg_stat_database_deadlocks", "datname"),
                    legend="{{datname}} deadlocks",
                ),
                Line(
                    query=_increase("cnpg_pg_stat_database_conflicts", "datname"),
                    legend="{{datname}} conflicts",
                ),
            ),
        ),
    ),
)

_REPLICATION = Row(
    title="Replication",
    panels=(
        Panel(
            title="Replication lag in time",
            description="Seconds between the primary's last transaction and what the standby has replayed; 0 also on a "
            "standby that receives nothing.",
            unit="s",
            lines=(Line(query=_maximum("cnpg_pg_replication_lag", "pod"), legend=_PER_POD),),
        ),
        Panel(
            title="Replication lag in bytes",
            description="WAL that the primary has written and the standby has not replayed.",
            unit="bytes",
            lines=(
                Line(
                    query=_maximum("cnpg_pg_stat_replication_replay_diff_bytes", "application_name"),
                    legend="{{application_name}}",
                ),
            ),
        ),
        Panel(
            title="Standbys that stream",
            description="Connected to the primary, and those that receive.",
            unit="short",
            lines=(
                Line(query=_maximum("cnpg_pg_replication_streaming_replicas", "pod"), legend="connected to {{pod}}"),
                Line(query=_maximum("cnpg_pg_replication_is_wal_receiver_up", "pod"), legend="{{pod}} receives"),
            ),
        ),
        Panel(
            title="WAL that slots hold back",
            description="It stays on the volume until the slot's reader has it.",
            unit="bytes",
            lines=(
                Line(
                    query=_maximum("cnpg_pg_replication_slots_pg_wal_lsn_diff", "pod, slot_name"),
                    legend="{{slot_name}} on {{pod}}",
                ),
            ),
        ),
    ),
)

_WAL = Row(
    title="WAL and checkpoints",
    panels=(
        Panel(
            title="WAL written",
            description="Bytes a second.",
            unit="Bps",
            lines=(Line(query=_rate("cnpg_collector_wal_bytes", "pod", _SERVER), legend=_PER_POD),),
        ),
        Panel(
            title="WAL on the volume",
            description="Size of all WAL files.",
            unit="bytes",
            lines=(
                Line(query=f'max by (pod) (cnpg_collector_pg_wal{{{_SERVER},value="size"}})', legend="{{pod}} size"),
            ),
        ),
        Panel(
            title="WAL files for the archive",
            description="Waiting, and archived or failed in the interval.",
            unit="short",
            lines=(
                Line(
                    query=f'max by (pod) (cnpg_collector_pg_wal_archive_status{{{_SERVER},value="ready"}})',
                    legend="{{pod}} waiting",
                ),
                Line(
                    query=_increase("cnpg_pg_stat_archiver_archived_count", "pod", _SERVER),
                    legend="{{pod}} archived",
                ),
                Line(
                    query=_increase("cnpg_pg_stat_archiver_failed_count", "pod", _SERVER),
                    legend="{{pod}} failed",
                ),
            ),
        ),
        Panel(
            title="Checkpoints",
            description="Timed ones are usual. Requested ones come of much WAL, of backups, and of each branch that is "
            "copied by files or dropped.",
            unit="short",
            lines=(
                Line(query=_either("checkpoints_timed", "checkpoints_timed"), legend="{{pod}} timed"),
                Line(query=_either("checkpoints_req", "checkpoints_req"), legend="{{pod}} requested"),
            ),
        ),
        Panel(
            title="Time of checkpoints",
            description="Milliseconds in the interval: writing is spread out on purpose, others wait for syncing.",
            unit="ms",
            lines=(
                Line(query=_either("write_time", "checkpoint_write_time"), legend="{{pod}} writing"),
                Line(query=_either("sync_time", "checkpoint_sync_time"), legend="{{pod}} syncing"),
            ),
        ),
    ),
)

_STORAGE = Row(
    title="Cache and disk",
    panels=(
        Panel(
            title="Cache hits",
            description="Share of blocks that were found in PostgreSQL's own buffers.",
            unit="percentunit",
            maximum=1,
            lines=(
                Line(
                    query=f"{_rate('cnpg_pg_stat_database_blks_hit', 'datname')} / "
                    f"({_rate('cnpg_pg_stat_database_blks_hit', 'datname')} + "
                    f"{_rate('cnpg_pg_stat_database_blks_read', 'datname')})",
                    legend=_PER_DATABASE,
                ),
            ),
        ),
        Panel(
            title="Temporary files",
            description="Bytes a second that sorts and hashes wrote, since work_mem was too small for them.",
            unit="Bps",
            lines=(Line(query=_rate("cnpg_pg_stat_database_temp_bytes", "datname"), legend=_PER_DATABASE),),
        ),
        Panel(
            title="Size of the databases",
            description="Branches are on the branching dashboard.",
            unit="bytes",
            lines=(Line(query=_maximum("cnpg_pg_database_size_bytes", "datname", _DATABASES), legend=_PER_DATABASE),),
        ),
        Panel(
            title="Free room on the volumes",
            description="Share that is left. Empty where the kubelet doesn't measure the volumes.",
            unit="percentunit",
            maximum=1,
            lines=(
                Line(
                    query="min by (persistentvolumeclaim) (kubelet_volume_stats_available_bytes"
                    '{namespace="$namespace",persistentvolumeclaim=~"$cluster-[0-9]+.*"} / '
                    "kubelet_volume_stats_capacity_bytes"
                    '{namespace="$namespace",persistentvolumeclaim=~"$cluster-[0-9]+.*"})',
                    legend="{{persistentvolumeclaim}}",
                ),
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid="socle-postgres",
    title="Socle: PostgreSQL",
    description="Query time, locks, connections, replication, WAL and checkpoints of one server.",
    variables=VARIABLES,
    rows=(_QUERIES, _SESSIONS, _REPLICATION, _WAL, _STORAGE),
)
