"""For each rule a day on which it fires and a near one on which it doesn't. Pure: the unit tier counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.promtool.world import (
    CACHE,
    CITY,
    DAY,
    DUMP,
    INSTANCES,
    MASKED,
    MASKED_TOO,
    OTHER,
    PLUGIN,
    POOL,
    POOLER,
    PRIMARY,
    REPLICA,
    ROLE,
    SESSION,
    SLOT,
    STANDBY,
    STEADY,
    WAITING,
    certificate,
    pod,
    series,
    volume,
)

GONE = ""
"""In place of values: the series isn't there."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is different from the healthy server, and how many alerts fire after `minutes`."""

    alert: str
    why: str
    series: Mapping[str, str]
    fires: bool
    count: int = 1
    minutes: int = 30
    interval: int = 1
    """Minutes between two samples and two evaluations; more where a case lasts for days."""


def _fires(
    alert: str, why: str, changed: Mapping[str, str], *, count: int = 1, minutes: int = 30, interval: int = 1
) -> Case:
    return Case(
        alert=alert, why=why, series=_steady(changed), fires=True, count=count, minutes=minutes, interval=interval
    )


def _calm(alert: str, why: str, changed: Mapping[str, str], *, minutes: int = 30, interval: int = 1) -> Case:
    return Case(alert=alert, why=why, series=_steady(changed), fires=False, count=0, minutes=minutes, interval=interval)


def _steady(changed: Mapping[str, str]) -> Mapping[str, str]:
    """A bare number stays as it is for the whole case."""
    return {key: value + STEADY if value.lstrip("-").isdigit() else value for key, value in changed.items()}


def _of(metric: str, *names: str, labels: str = "", value: str) -> dict[str, str]:
    extra = (labels,) if labels else ()
    return {series(metric, pod(name, *extra)): value for name in names}


def _volume(name: str, *, free: str, capacity: str) -> dict[str, str]:
    return {series(_FREE, volume(name)): free, series(_CAPACITY, volume(name)): capacity}


def _certificate(secret: str) -> str:
    return series("x509_cert_not_after", certificate(secret))


def _up(*names: str, value: str) -> dict[str, str]:
    return _of("cnpg_collector_up", *names, labels='cluster="shared"', value=value)


_RECOVERY = "cnpg_pg_replication_in_recovery"
_RECEIVER = "cnpg_pg_replication_is_wal_receiver_up"
_LONGEST = "cnpg_backends_max_tx_duration_seconds"
_FAILED, _ARCHIVED = "cnpg_pg_stat_archiver_last_failed_time", "cnpg_pg_stat_archiver_last_archived_time"
_ARCHIVE = "cnpg_collector_pg_wal_archive_status"
_NEWEST, _FAILED_BACKUP = f"{PLUGIN}_last_available_backup_timestamp", f"{PLUGIN}_last_failed_backup_timestamp"
_AGE = "cnpg_socle_snapshots_newest_data_age_seconds"
_FREE, _CAPACITY = "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"

POSTGRES = (
    _fires("SoclePostgresDown", "every target is gone", _up(*INSTANCES, value=GONE)),
    _fires("SoclePostgresDown", "every instance says that it is down", _up(*INSTANCES, value="0")),
    _fires(
        "SoclePostgresDown",
        "every instance is fenced, and goes on saying that it is up",
        _of("cnpg_collector_fencing_on", *INSTANCES, value="1"),
    ),
    _calm("SoclePostgresDown", "one is left", _up(PRIMARY, STANDBY, value=GONE)),
    _calm("SoclePostgresDown", "a restart of one minute", _up(*INSTANCES, value="1x20 _ 1x40")),
    _fires("SocleNoSinglePrimary", "only standbys", _of(_RECOVERY, PRIMARY, value="1")),
    _fires("SocleNoSinglePrimary", "two primaries", _of(_RECOVERY, STANDBY, value="0")),
    _calm(
        "SocleNoSinglePrimary",
        "a failover",
        _of(_RECOVERY, PRIMARY, value="1x25") | _of(_RECOVERY, STANDBY, value="1x10 0x30"),
    ),
    _calm("SocleNoSinglePrimary", "nothing at all is known: another rule's", _of(_RECOVERY, *INSTANCES, value=GONE)),
    _fires("SoclePostgresInstanceMissing", "one is gone", _up(OTHER, value=GONE)),
    _calm("SoclePostgresInstanceMissing", "one restarts for five minutes", _up(OTHER, value="1x20 _x5 1x40")),
    _fires("SocleReplicationLag", "61 seconds", _of("cnpg_pg_replication_lag", STANDBY, value="61")),
    _calm("SocleReplicationLag", "59 seconds", _of("cnpg_pg_replication_lag", STANDBY, value="59")),
    _fires("SocleReplicationBroken", "no receiver, while the lag reads 0", _of(_RECEIVER, STANDBY, value="0")),
    _calm("SocleReplicationBroken", "the primary has no receiver", _of(_RECEIVER, PRIMARY, value="0")),
    _calm(
        "SocleReplicationBroken",
        "it reads from the archive for a while",
        _of(_RECEIVER, STANDBY, value="1x20 0x5 1x20"),
    ),
    _fires("SocleConnectionsNearLimit", "81 of 100", _of("cnpg_backends_total", PRIMARY, labels=SESSION, value="81")),
    _calm("SocleConnectionsNearLimit", "79 of 100", _of("cnpg_backends_total", PRIMARY, labels=SESSION, value="79")),
    _fires(
        "SocleRoleConnectionsNearLimit",
        "17 of 20",
        _of("cnpg_socle_role_connections", PRIMARY, labels=ROLE, value="17"),
    ),
    _calm(
        "SocleRoleConnectionsNearLimit",
        "16 of 20",
        _of("cnpg_socle_role_connections", PRIMARY, labels=ROLE, value="16"),
    ),
    _fires("SocleLongTransaction", "an application's, 16 minutes", _of(_LONGEST, PRIMARY, labels=SESSION, value="960")),
    _fires("SocleLongTransaction", "a dump, 5 hours", _of(_LONGEST, PRIMARY, labels=DUMP, value="18000")),
    _calm("SocleLongTransaction", "an application's, 14 minutes", _of(_LONGEST, PRIMARY, labels=SESSION, value="840")),
    _calm("SocleLongTransaction", "a dump, 3 hours", _of(_LONGEST, PRIMARY, labels=DUMP, value="10800")),
    _fires(
        "SocleTransactionIdsRunOut",
        "501 million",
        _of("cnpg_pg_database_xid_age", PRIMARY, labels='datname="city_api"', value="501000000"),
        minutes=60,
    ),
    _calm(
        "SocleTransactionIdsRunOut",
        "499 million",
        _of("cnpg_pg_database_xid_age", PRIMARY, labels='datname="city_api"', value="499000000"),
        minutes=60,
    ),
    _fires(
        "SocleReplicationSlotHoldsWal",
        "5 GiB",
        _of("cnpg_pg_replication_slots_pg_wal_lsn_diff", PRIMARY, labels=SLOT, value="5368709120"),
    ),
    _calm(
        "SocleReplicationSlotHoldsWal",
        "3 GiB",
        _of("cnpg_pg_replication_slots_pg_wal_lsn_diff", PRIMARY, labels=SLOT, value="3221225472"),
    ),
    _fires("SocleMetricsQueriesFail", "a custom query", _of("cnpg_last_error", PRIMARY, value="1")),
    _fires("SocleMetricsQueriesFail", "the collector", _of("cnpg_collector_last_collection_error", OTHER, value="1")),
    _calm(
        "SocleMetricsQueriesFail", "once, as a branch was dropped", _of("cnpg_last_error", PRIMARY, value="0x10 1 0x30")
    ),
)

STORAGE = (
    _fires(
        "SocleVolumeFillingUp",
        "19 %",
        _volume(PRIMARY, free="380", capacity="2000"),
    ),
    _fires(
        "SocleVolumeFillingUp",
        "38 %, and 2.4 % less each hour",
        _volume(PRIMARY, free="5000-4x500", capacity="10000"),
        minutes=300,
    ),
    _calm(
        "SocleVolumeFillingUp",
        "21 %",
        _volume(PRIMARY, free="420", capacity="2000"),
    ),
    _calm(
        "SocleVolumeFillingUp",
        "a snapshot is built on a volume with 60 %",
        _volume(PRIMARY, free="7000-10x60 6400x200", capacity="10000"),
        minutes=60,
    ),
    _fires(
        "SocleVolumeAlmostFull",
        "its WAL's volume",
        _volume("shared-1-wal", free="9", capacity="100"),
    ),
    _fires("SocleVolumeAlmostFull", "no inodes", {series("kubelet_volume_stats_inodes_free", volume(PRIMARY)): "0"}),
    _calm(
        "SocleVolumeAlmostFull",
        "11 %",
        _volume(PRIMARY, free="11", capacity="100"),
    ),
    _calm(
        "SocleVolumeAlmostFull",
        "another server's",
        _volume("shared-two-1", free="1", capacity="100"),
    ),
    _fires(
        "SocleVolumeUnwatched",
        "the kubelet isn't scraped",
        {series(_CAPACITY, volume(name)): GONE for name in INSTANCES},
        minutes=45,
    ),
    _calm(
        "SocleVolumeUnwatched", "one more, for the WAL", {series(_CAPACITY, volume("shared-1-wal")): "100"}, minutes=45
    ),
    _fires("SocleWalArchivingFailing", "it failed after it last succeeded", _of(_FAILED, PRIMARY, value="600")),
    _calm(
        "SocleWalArchivingFailing",
        "it failed once, and succeeded again",
        _of(_FAILED, PRIMARY, value="600") | _of(_ARCHIVED, PRIMARY, value="700"),
    ),
    _calm("SocleWalArchivingFailing", "a standby that was primary before", _of(_FAILED, STANDBY, value="600")),
    _fires("SocleWalArchivingBehind", "11 files", _of(_ARCHIVE, PRIMARY, labels=WAITING, value="11")),
    _calm("SocleWalArchivingBehind", "9 files", _of(_ARCHIVE, PRIMARY, labels=WAITING, value="9")),
    _calm("SocleWalArchivingBehind", "a standby's", _of(_ARCHIVE, STANDBY, labels=WAITING, value="11")),
    _fires("SocleBackupMissing", "none was ever taken", _of(_NEWEST, *INSTANCES, value="0"), minutes=150),
    _fires("SocleBackupMissing", "the plugin's metric is gone", _of(_NEWEST, *INSTANCES, value=GONE), minutes=150),
    _calm(
        "SocleBackupMissing",
        "the first comes after an hour",
        _of(_NEWEST, *INSTANCES, value="0x60 3600x200"),
        minutes=150,
    ),
    _fires("SocleBackupTooOld", "37 hours", {}, minutes=37 * 60, interval=10),
    _calm("SocleBackupTooOld", "35 hours", {}, minutes=35 * 60, interval=10),
    _calm(
        "SocleBackupTooOld",
        "there is none: another rule's",
        _of(_NEWEST, *INSTANCES, value="0"),
        minutes=37 * 60,
        interval=10,
    ),
    _fires("SocleBackupFailed", "after the last that succeeded", _of(_FAILED_BACKUP, PRIMARY, value="600")),
    _calm("SocleBackupFailed", "before the last that succeeded", _of(_FAILED_BACKUP, *INSTANCES, value="10")),
    _fires(
        "SocleCertificateExpires",
        "4 days",
        {_certificate("shared-server"): str(4 * DAY)},
        minutes=90,
    ),
    _calm(
        "SocleCertificateExpires",
        "6 days",
        {_certificate("shared-server"): str(6 * DAY)},
        minutes=90,
    ),
    _calm(
        "SocleCertificateExpires",
        "another server's",
        {_certificate("shared-two-server"): "60"},
        minutes=90,
    ),
    _fires(
        "SocleCertificateUnwatched",
        "no exporter",
        {_certificate(f"shared-{kind}"): GONE for kind in ("ca", "server", "replication")},
        minutes=90,
    ),
    _calm(
        "SocleCertificateUnwatched",
        "one is read",
        {_certificate(f"shared-{kind}"): GONE for kind in ("ca", "replication")},
        minutes=90,
    ),
)

BRANCHING = (
    _fires("SocleSnapshotTooOld", "49 hours", _of(_AGE, PRIMARY, labels=MASKED, value="176400"), minutes=60),
    _calm("SocleSnapshotTooOld", "47 hours", _of(_AGE, PRIMARY, labels=MASKED, value="169200"), minutes=60),
    _calm(
        "SocleSnapshotTooOld",
        "a synthetic one, which holds no data that ages",
        _of(_AGE, PRIMARY, labels='application="city-api",content="synthetic"', value="9999999"),
        minutes=60,
    ),
    _fires("SocleSnapshotMissing", "of one", _of(_AGE, PRIMARY, labels=MASKED, value=GONE), minutes=45),
    _fires(
        "SocleSnapshotMissing",
        "of both",
        _of(_AGE, PRIMARY, labels=MASKED, value=GONE) | _of(_AGE, PRIMARY, labels=MASKED_TOO, value=GONE),
        count=2,
        minutes=45,
    ),
    _calm(
        "SocleSnapshotMissing",
        "the server restarts",
        _of(_AGE, PRIMARY, labels=MASKED, value="9x10 _x10 9x40"),
        minutes=45,
    ),
    _fires(
        "SocleOrphanBranches",
        "for 7 hours",
        _of("cnpg_socle_branches_orphans", PRIMARY, labels=CITY, value="2"),
        minutes=420,
    ),
    _calm(
        "SocleOrphanBranches",
        "for 5 hours",
        _of("cnpg_socle_branches_orphans", PRIMARY, labels=CITY, value="2x300 0x200"),
        minutes=420,
    ),
    _fires(
        "SocleHalfDroppedDatabases",
        "for 90 minutes",
        _of("cnpg_socle_branching_half_dropped", PRIMARY, value="1"),
        minutes=90,
    ),
    _calm(
        "SocleHalfDroppedDatabases",
        "for 30 minutes",
        _of("cnpg_socle_branching_half_dropped", PRIMARY, value="1x30 0x90"),
        minutes=90,
    ),
    _fires(
        "SocleBranchingUnwatched",
        "the queries don't run",
        _of("cnpg_socle_branching_half_dropped", PRIMARY, value=GONE),
        minutes=45,
    ),
    _calm(
        "SocleBranchingUnwatched",
        "another instance is primary now",
        _of("cnpg_socle_branching_half_dropped", PRIMARY, value="0x20")
        | _of("cnpg_socle_branching_half_dropped", STANDBY, value="_x25 0x40"),
        minutes=45,
    ),
)

BESIDE = (
    _fires("SoclePoolerDown", "its target is gone", {series("cnpg_pgbouncer_up", POOLER): GONE}),
    _fires("SoclePoolerDown", "PgBouncer doesn't answer its exporter", {series("cnpg_pgbouncer_up", POOLER): "0"}),
    _calm("SoclePoolerDown", "a restart of one minute", {series("cnpg_pgbouncer_up", POOLER): "1x20 _ 1x40"}),
    _fires(
        "SoclePoolerClientsWaiting", "for half an hour", {series("cnpg_pgbouncer_pools_cl_waiting", POOLER, POOL): "3"}
    ),
    _calm(
        "SoclePoolerClientsWaiting",
        "now and then",
        {series("cnpg_pgbouncer_pools_cl_waiting", POOLER, POOL): "3x3 0 3x3 0 3x3 0 3x3 0 3x3 0 3x3 0 3x3 0 3x3 0"},
    ),
    _fires("SocleRedisDown", "the exporter can't reach it", {series("redis_up", REPLICA): "0"}),
    _fires(
        "SocleRedisDown", "both targets are gone", {series("redis_up", labels): GONE for labels in (CACHE, REPLICA)}
    ),
    _calm("SocleRedisDown", "a restart of one minute", {series("redis_up", REPLICA): "1x20 0 1x40"}),
    _fires("SocleRedisMemoryNearLimit", "91 %", {series("redis_memory_used_bytes", CACHE): "91"}),
    _calm("SocleRedisMemoryNearLimit", "89 %", {series("redis_memory_used_bytes", CACHE): "89"}),
    _calm("SocleRedisMemoryNearLimit", "there is no limit", {series("redis_memory_max_bytes", CACHE): "0"}),
    _fires("SocleRedisEvictsKeys", "two a second", {series("redis_evicted_keys_total", CACHE): "0+120x500"}),
    _calm("SocleRedisEvictsKeys", "one in two seconds", {series("redis_evicted_keys_total", CACHE): "0+30x500"}),
    _fires(
        "SocleRedisRejectsConnections",
        "one, five minutes ago",
        {series("redis_rejected_connections_total", CACHE): "7x25 8x40"},
    ),
    _calm(
        "SocleRedisRejectsConnections", "one, long ago", {series("redis_rejected_connections_total", CACHE): "7x5 8x60"}
    ),
    _fires("SocleRedisReplicationBroken", "the replica says so", {series("redis_master_link_up", REPLICA): "0"}),
    _fires("SocleRedisReplicationBroken", "the primary has none", {series("redis_connected_slaves", CACHE): "0"}),
    _calm(
        "SocleRedisReplicationBroken",
        "roles have changed",
        {
            series("redis_connected_slaves", CACHE): "0",
            series("redis_connected_slaves", REPLICA): "1",
            series("redis_master_link_up", REPLICA): GONE,
            series("redis_master_link_up", CACHE): "1",
        },
    ),
)

CASES = (*POSTGRES, *STORAGE, *BRANCHING, *BESIDE)
