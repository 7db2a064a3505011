"""The PostgreSQL dashboard's panels on replication, WAL, checkpoints, cache and disk. Pure."""

from __future__ import annotations

from components.monitoring.dashboard import Line, Panel, Row
from components.monitoring.postgres_series import (
    DATABASES,
    PER_DATABASE,
    PER_POD,
    SERVER,
    either,
    increase,
    maximum,
    rate,
)

REPLICATION = Row(
    title="Replication",
    panels=(
        Panel(
            title="Replication lag in time",
            description="Seconds between the primary's last transaction and what the standby has replayed; 0 also on a "
            "standby that receives nothing.",
            unit="s",
            lines=(Line(query=maximum("cnpg_pg_replication_lag", "pod"), legend=PER_POD),),
        ),
        Panel(
            title="Replication lag in bytes",
            description="WAL that the primary has written and the standby has not replayed.",
            unit="bytes",
            lines=(
                Line(
                    query=maximum("cnpg_pg_stat_replication_replay_diff_bytes", "application_name"),
                    legend="{{application_name}}",
                ),
            ),
        ),
        Panel(
            title="Standbys that stream",
            description="Connected to the primary, and those that receive.",
            unit="short",
            lines=(
                Line(query=maximum("cnpg_pg_replication_streaming_replicas", "pod"), legend="connected to {{pod}}"),
                Line(query=maximum("cnpg_pg_replication_is_wal_receiver_up", "pod"), legend="{{pod}} receives"),
            ),
        ),
        Panel(
            title="WAL that slots hold back",
            description="It stays on the volume until the slot's reader has it.",
            unit="bytes",
            lines=(
                Line(
                    query=maximum("cnpg_pg_replication_slots_pg_wal_lsn_diff", "pod, slot_name"),
                    legend="{{slot_name}} on {{pod}}",
                ),
            ),
        ),
    ),
)

WAL = Row(
    title="WAL and checkpoints",
    panels=(
        Panel(
            title="WAL written",
            description="Bytes a second.",
            unit="Bps",
            lines=(Line(query=rate("cnpg_collector_wal_bytes", "pod", SERVER), legend=PER_POD),),
        ),
        Panel(
            title="WAL on the volume",
            description="Size of all WAL files.",
            unit="bytes",
            lines=(
                Line(query=f'max by (pod) (cnpg_collector_pg_wal{{{SERVER},value="size"}})', legend="{{pod}} size"),
            ),
        ),
        Panel(
            title="WAL files for the archive",
            description="Waiting, and archived or failed in the interval.",
            unit="short",
            lines=(
                Line(
                    query=f'max by (pod) (cnpg_collector_pg_wal_archive_status{{{SERVER},value="ready"}})',
                    legend="{{pod}} waiting",
                ),
                Line(
                    query=increase("cnpg_pg_stat_archiver_archived_count", "pod", SERVER),
                    legend="{{pod}} archived",
                ),
                Line(
                    query=increase("cnpg_pg_stat_archiver_failed_count", "pod", SERVER),
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
                Line(query=either("checkpoints_timed", "checkpoints_timed"), legend="{{pod}} timed"),
                Line(query=either("checkpoints_req", "checkpoints_req"), legend="{{pod}} requested"),
            ),
        ),
        Panel(
            title="Time of checkpoints",
            description="Milliseconds in the interval: writing is spread out on purpose, others wait for syncing.",
            unit="ms",
            lines=(
                Line(query=either("write_time", "checkpoint_write_time"), legend="{{pod}} writing"),
                Line(query=either("sync_time", "checkpoint_sync_time"), legend="{{pod}} syncing"),
            ),
        ),
    ),
)

STORAGE = Row(
    title="Cache and disk",
    panels=(
        Panel(
            title="Cache hits",
            description="Share of blocks that were found in PostgreSQL's own buffers.",
            unit="percentunit",
            maximum=1,
            lines=(
                Line(
                    query=f"{rate('cnpg_pg_stat_database_blks_hit', 'datname')} / "
                    f"({rate('cnpg_pg_stat_database_blks_hit', 'datname')} + "
                    f"{rate('cnpg_pg_stat_database_blks_read', 'datname')})",
                    legend=PER_DATABASE,
                ),
            ),
        ),
        Panel(
            title="Temporary files",
            description="Bytes a second that sorts and hashes wrote, since work_mem was too small for them.",
            unit="Bps",
            lines=(Line(query=rate("cnpg_pg_stat_database_temp_bytes", "datname"), legend=PER_DATABASE),),
        ),
        Panel(
            title="Size of the databases",
            description="Branches are on the branching dashboard.",
            unit="bytes",
            lines=(Line(query=maximum("cnpg_pg_database_size_bytes", "datname", DATABASES), legend=PER_DATABASE),),
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
