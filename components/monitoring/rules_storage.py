"""Rules on volumes, WAL archiving, backups and certificates. Pure."""

from __future__ import annotations

from components.monitoring import selectors
from components.monitoring.args import Backups, MonitoringArgs
from components.monitoring.rule import Alert, Severity, minutes, number

_PLUGIN = "barman_cloud_cloudnative_pg_io"
"""The plugin's name as a metric's (plugin-barman-cloud v0.15.0, internal/cnpgi/instance/metrics.go)."""
_OPERATOR = "cnpg_collector"


def volume_alerts(args: MonitoringArgs) -> tuple[Alert, ...]:
    """Full volumes; none where the kubelet doesn't measure them."""
    if not args.volume_stats:
        return ()
    series = selectors.volumes(args)
    limits = args.thresholds
    free = f"kubelet_volume_stats_available_bytes{{{series}}} / kubelet_volume_stats_capacity_bytes{{{series}}}"
    inodes = f"kubelet_volume_stats_inodes_free{{{series}}} / kubelet_volume_stats_inodes{{{series}}}"
    ahead = number(limits.volume_full_within_seconds)
    predicted = f"predict_linear(kubelet_volume_stats_available_bytes{{{series}}}[6h], {ahead}) < 0"
    critical = number(limits.volume_free_share_critical)
    return (
        Alert(
            name="SocleVolumeFillingUp",
            # A prediction alone would alert on each snapshot that is built on a volume with plenty of room.
            expression=f"{free} < {number(limits.volume_free_share)} or ({free} < 0.5 and {predicted})",
            hold_seconds=minutes(15),
            severity=Severity.WARNING,
            summary="{{ $labels.persistentvolumeclaim }} has {{ $value | humanizePercentage }} free",
            description="It is nearly full, or will be within a day if it goes on as in the last six hours.",
        ),
        Alert(
            name="SocleVolumeAlmostFull",
            expression=f"{free} < {critical} or {inodes} < {critical}",
            hold_seconds=minutes(5),
            severity=Severity.CRITICAL,
            summary="{{ $labels.persistentvolumeclaim }} has {{ $value | humanizePercentage }} left (bytes or inodes)",
            description="PostgreSQL stops when it can't write its WAL.",
        ),
        Alert(
            name="SocleVolumeUnwatched",
            expression=f"(count(kubelet_volume_stats_capacity_bytes{{{series}}}) or vector(0)) < {args.instances}",
            hold_seconds=minutes(30),
            severity=Severity.WARNING,
            summary=f"Only {{{{ $value }}}} volumes of {args.cluster} are measured",
            description="The kubelet isn't scraped, or the storage has no figures: nobody would see a full volume.",
        ),
    )


def backup_alerts(args: MonitoringArgs) -> tuple[Alert, ...]:
    """WAL archiving and backups; none where nobody takes any."""
    if args.backups is Backups.NONE:
        return ()
    return (*_archiving(args), *_backups(args))


def _archiving(args: MonitoringArgs) -> tuple[Alert, ...]:
    series = selectors.server(args)
    # A former primary keeps what it said of its last archiving for as long as it is a standby.
    primary = f"and on (namespace, pod) cnpg_pg_replication_in_recovery{{{series}}} == 0"
    return (
        Alert(
            name="SocleWalArchivingFailing",
            expression=f"cnpg_pg_stat_archiver_last_failed_time{{{series}}} "
            f"> cnpg_pg_stat_archiver_last_archived_time{{{series}}} {primary}",
            hold_seconds=minutes(10),
            severity=Severity.CRITICAL,
            summary="{{ $labels.pod }} can't archive its WAL",
            description="The last attempt failed, and none has succeeded since. What is written now can't be "
            "restored from the archive, and WAL stays on the volume.",
        ),
        Alert(
            name="SocleWalArchivingBehind",
            expression=f'cnpg_collector_pg_wal_archive_status{{{series},value="ready"}} '
            f"> {number(args.thresholds.wal_segments_waiting)} {primary}",
            hold_seconds=minutes(15),
            severity=Severity.WARNING,
            summary="{{ $value }} WAL files of {{ $labels.pod }} wait for the archive",
            description="Archiving is slower than writing, or hangs. A restore would lose what waits.",
        ),
    )


def _backups(args: MonitoringArgs) -> tuple[Alert, ...]:
    series = selectors.server(args)
    prefix = _PLUGIN if args.backups is Backups.PLUGIN else _OPERATOR
    newest = f"{prefix}_last_available_backup_timestamp{{{series}}}"
    failed = f"{prefix}_last_failed_backup_timestamp{{{series}}}"
    limits = args.thresholds
    return (
        Alert(
            name="SocleBackupMissing",
            # 0 says that there is none; no series, that nobody knows. Its age would be that of 1970.
            expression=f"(max({newest}) or vector(0)) == 0",
            hold_seconds=round(limits.first_backup_seconds),
            severity=Severity.CRITICAL,
            summary=f"{args.cluster} has no backup",
            description="No backup of it is known: there is none, or the metric that tells of them is gone.",
        ),
        Alert(
            name="SocleBackupTooOld",
            expression=f"time() - max({newest} > 0) > {number(limits.backup_age_seconds)}",
            hold_seconds=minutes(5),
            severity=Severity.CRITICAL,
            summary=f"The last backup of {args.cluster} is {{{{ $value | humanizeDuration }}}} old",
            description="Backups stopped, or fail. A restore works as long as the WAL since then is in the archive.",
        ),
        Alert(
            name="SocleBackupFailed",
            expression=f"max({failed}) > max({newest})",
            hold_seconds=minutes(5),
            severity=Severity.WARNING,
            summary=f"The last backup of {args.cluster} failed",
            description="An earlier one is there; the next is due by its schedule.",
        ),
    )


def certificate_alerts(args: MonitoringArgs) -> tuple[Alert, ...]:
    """Certificates that end; none where no exporter reads them."""
    if not args.certificates:
        return ()
    series = selectors.certificates(args)
    return (
        Alert(
            name="SocleCertificateExpires",
            expression=f"min by (secret_namespace, secret_name) (x509_cert_not_after{{{series}}}) - time() "
            f"< {number(args.thresholds.certificate_seconds)}",
            hold_seconds=minutes(60),
            severity=Severity.CRITICAL,
            summary="The certificate in {{ $labels.secret_name }} ends in {{ $value | humanizeDuration }}",
            description="The operator should have renewed it. When it ends, clients that verify it refuse it, and "
            "standbys can't follow.",
        ),
        Alert(
            name="SocleCertificateUnwatched",
            expression=f"(count(x509_cert_not_after{{{series}}}) or vector(0)) == 0",
            hold_seconds=minutes(60),
            severity=Severity.WARNING,
            summary=f"Nobody watches the certificates of {args.cluster}",
            description="x509-certificate-exporter doesn't run, isn't scraped, or doesn't read this namespace.",
        ),
    )
