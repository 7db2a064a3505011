"""Rules on the server: is it there, does it follow, is there room for another session. Pure."""

from __future__ import annotations

from components.monitoring import selectors
from components.monitoring.args import MonitoringArgs
from components.monitoring.rule import Alert, Severity, minutes, number


def alerts(args: MonitoringArgs) -> tuple[Alert, ...]:
    """The rules of one server; those on standbys only where it has some."""
    several = _replication(args) if args.instances > 1 else ()
    return (*_presence(args), *several, *_sessions(args), *_upkeep(args))


def _alive(series: str) -> str:
    """Instances that answer. A fenced one goes on saying what it said before it was fenced."""
    return f"cnpg_collector_up{{{series}}} == 1 unless on (namespace, pod) cnpg_collector_fencing_on{{{series}}} == 1"


def _presence(args: MonitoringArgs) -> tuple[Alert, ...]:
    series = selectors.server(args)
    down = Alert(
        name="SoclePostgresDown",
        # `or vector(0)`: where the targets are gone there is nothing to count, and no series to alert by.
        expression=f"(count({_alive(series)}) or vector(0)) == 0",
        hold_seconds=minutes(2),
        severity=Severity.CRITICAL,
        summary=f"No instance of {args.cluster} answers",
        description=f"None of the {args.instances} instances of {args.cluster} in {args.namespace} has told Prometheus "
        "that PostgreSQL is up.",
    )
    primaries = f"count(cnpg_pg_replication_in_recovery{{{series}}} == 0)"
    primary = Alert(
        name="SocleNoSinglePrimary",
        expression=f"({primaries} or 0 * count(cnpg_pg_replication_in_recovery{{{series}}})) != 1",
        hold_seconds=minutes(3),
        severity=Severity.CRITICAL,
        summary=f"{args.cluster} has {{{{ $value }}}} primaries",
        description="Without a primary nothing can be written; with two, what is written to one of them will be lost.",
    )
    missing = Alert(
        name="SoclePostgresInstanceMissing",
        expression=f"count({_alive(series)}) < {args.instances}",
        hold_seconds=minutes(10),
        severity=Severity.WARNING,
        summary=f"{{{{ $value }}}} of {args.instances} instances of {args.cluster} answer",
        description="The server works; one more failure finds fewer standbys, or none.",
    )
    return (down, primary, missing) if args.instances > 1 else (down, primary)


def _replication(args: MonitoringArgs) -> tuple[Alert, ...]:
    series = selectors.server(args)
    limits = args.thresholds
    return (
        Alert(
            name="SocleReplicationLag",
            expression=f"cnpg_pg_replication_lag{{{series}}} > {number(limits.replication_lag_seconds)}",
            hold_seconds=minutes(5),
            severity=Severity.WARNING,
            summary="{{ $labels.pod }} is {{ $value | humanizeDuration }} behind",
            description=f"A standby of {args.cluster} replays more slowly than the primary writes: readers see "
            "old data, and a failover takes that long.",
        ),
        Alert(
            name="SocleReplicationBroken",
            # The lag reads 0 on a standby that has replayed all it ever received, so it can't tell.
            expression=f"cnpg_pg_replication_in_recovery{{{series}}} == 1 "
            f"and cnpg_pg_replication_is_wal_receiver_up{{{series}}} == 0",
            hold_seconds=minutes(10),
            severity=Severity.CRITICAL,
            summary="{{ $labels.pod }} receives nothing from the primary",
            description=f"A standby of {args.cluster} has no connection to its primary: it misses what is "
            "committed now.",
        ),
    )


def _sessions(args: MonitoringArgs) -> tuple[Alert, ...]:
    series = selectors.server(args)
    limits = args.thresholds
    limit = f'max by (namespace, pod) (cnpg_pg_settings_setting{{{series},name="max_connections"}})'
    return (
        Alert(
            name="SocleConnectionsNearLimit",
            expression=f"sum by (namespace, pod) (cnpg_backends_total{{{series}}}) / on (namespace, pod) {limit} "
            f"> {number(limits.connections_share)}",
            hold_seconds=minutes(5),
            severity=Severity.WARNING,
            summary="{{ $labels.pod }} uses {{ $value | humanizePercentage }} of its connections",
            description="At the limit, new sessions are refused: of every application, not only of one that has many.",
        ),
        Alert(
            name="SocleRoleConnectionsNearLimit",
            expression=f"cnpg_socle_role_connections{{{series}}} / cnpg_socle_role_connection_limit{{{series}}} "
            f"> {number(limits.connections_share)}",
            hold_seconds=minutes(5),
            severity=Severity.WARNING,
            summary="{{ $labels.rolname }} uses {{ $value | humanizePercentage }} of its connections",
            description="At the role's own limit, that application's new sessions are refused.",
        ),
        Alert(
            name="SocleLongTransaction",
            expression=_long_transactions(series, args),
            hold_seconds=minutes(1),
            severity=Severity.WARNING,
            summary="{{ $labels.usename }} has a transaction open for {{ $value | humanizeDuration }}",
            description="In {{ $labels.datname }} on {{ $labels.pod }}, by “{{ $labels.application_name }}”. Meanwhile "
            "no row that dies is removed, and its locks stay.",
        ),
    )


def _long_transactions(series: str, args: MonitoringArgs) -> str:
    limits = args.thresholds
    longest = (
        "max by (namespace, pod, datname, usename, application_name) (cnpg_backends_max_tx_duration_seconds{{{}}})"
    )
    copying = f'application_name=~"{limits.copying_applications}"'
    others = f'application_name!~"{limits.copying_applications}"'
    return (
        f"{longest.format(f'{series},{others}')} > {number(limits.long_transaction_seconds)} "
        f"or {longest.format(f'{series},{copying}')} > {number(limits.copying_transaction_seconds)}"
    )


def _upkeep(args: MonitoringArgs) -> tuple[Alert, ...]:
    series = selectors.server(args)
    limits = args.thresholds
    return (
        Alert(
            name="SocleTransactionIdsRunOut",
            expression=f"max by (namespace, datname) (cnpg_pg_database_xid_age{{{series}}}) "
            f"> {number(limits.transaction_id_age)}",
            hold_seconds=minutes(30),
            severity=Severity.WARNING,
            summary="{{ $labels.datname }} was not frozen for {{ $value | humanize }} transactions",
            description="Autovacuum begins at 200 million and doesn't get through. PostgreSQL stops writing at 2.1 "
            "billion.",
        ),
        Alert(
            name="SocleReplicationSlotHoldsWal",
            expression=f"max by (namespace, pod, slot_name) (cnpg_pg_replication_slots_pg_wal_lsn_diff{{{series}}}) "
            f"> {number(limits.slot_bytes)}",
            hold_seconds=minutes(10),
            severity=Severity.WARNING,
            summary="The slot {{ $labels.slot_name }} holds back {{ $value | humanize1024 }}B of WAL",
            description="Its reader is gone or slow, and the volume of {{ $labels.pod }} fills until it reads, or the "
            "slot goes.",
        ),
        Alert(
            name="SocleMetricsQueriesFail",
            expression=f"max by (namespace, pod) (cnpg_last_error{{{series}}}) == 1 "
            f"or max by (namespace, pod) (cnpg_collector_last_collection_error{{{series}}}) == 1",
            hold_seconds=minutes(15),
            severity=Severity.WARNING,
            summary="{{ $labels.pod }} can't collect all of its metrics",
            description="A query of the exporter fails, so rules that read it are blind.",
        ),
    )
