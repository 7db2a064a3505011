"""The series of a server with everything, on a day on which nothing is wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterator

World = dict[str, str]
"""Values in promtool's notation by series; `1x500` is 1 for as long as any case lasts."""

STEADY = "x500"
DAY = 86400


def pod(name: str, *labels: str, job: str = "socle-shared") -> str:
    """The labels of a series that a PodMonitor's target has."""
    return ",".join((f'namespace="databases",job="databases/{job}",pod="{name}"', *labels))


def volume(name: str) -> str:
    """The labels of a series of the kubelet."""
    return f'job="kubelet",namespace="databases",persistentvolumeclaim="{name}"'


def certificate(secret: str) -> str:
    """The labels of a series of x509-certificate-exporter."""
    return f'job="x509",secret_namespace="databases",secret_name="{secret}",secret_key="tls.crt"'


def series(metric: str, *labels: str) -> str:
    """A series as promtool reads it."""
    return f"{metric}{{{','.join(labels)}}}"


SESSION = 'datname="city_api",usename="city_api",application_name="web",state="active"'
DUMP = 'datname="city_api",usename="postgres",application_name="pg_dump",state="active"'
ROLE = 'rolname="city_api"'
SLOT = 'slot_name="_cnpg_shared_2",slot_type="physical",database=""'
MASKED = 'application="city-api",content="masked"'
MASKED_TOO = 'application="docspell",content="masked"'
CITY = 'application="city-api"'
POOL = 'database="city_api",user="city_api"'
PRIMARY, STANDBY, OTHER = "shared-1", "shared-2", "shared-3"
INSTANCES = (PRIMARY, STANDBY, OTHER)
POOLER = pod("shared-rw-5d9-x", job="socle-shared-rw")
CACHE = pod("cache-0", job="socle-cache")
REPLICA = pod("cache-1", job="socle-cache")
PLUGIN = "barman_cloud_cloudnative_pg_io"
WAITING = 'value="ready"'


def healthy() -> World:
    """A new copy of it."""
    all_of_it = [*(pair for name in INSTANCES for pair in _instance(name)), *_primary(), *_beside()]
    return {key: value + STEADY for key, value in all_of_it}


def _instance(name: str) -> Iterator[tuple[str, str]]:
    standby = "0" if name == PRIMARY else "1"
    yield series("cnpg_collector_up", pod(name, 'cluster="shared"')), "1"
    for metric, value in {
        "cnpg_collector_fencing_on": "0",
        "cnpg_collector_last_collection_error": "0",
        "cnpg_last_error": "0",
        "cnpg_pg_replication_in_recovery": standby,
        "cnpg_pg_replication_is_wal_receiver_up": standby,
        "cnpg_pg_replication_lag": "0",
        "cnpg_pg_stat_archiver_last_failed_time": "-1",
        "cnpg_pg_stat_archiver_last_archived_time": "10",
        f"{PLUGIN}_last_available_backup_timestamp": "20",
        f"{PLUGIN}_last_failed_backup_timestamp": "0",
    }.items():
        yield series(metric, pod(name)), value
    for metric, labels, value in (
        ("cnpg_backends_total", SESSION, "20"),
        ("cnpg_backends_max_tx_duration_seconds", SESSION, "3"),
        ("cnpg_backends_max_tx_duration_seconds", DUMP, "1800"),
        ("cnpg_pg_settings_setting", 'name="max_connections"', "100"),
        ("cnpg_pg_database_xid_age", 'datname="city_api"', "1000000"),
        ("cnpg_pg_replication_slots_pg_wal_lsn_diff", SLOT, "1000"),
        ("cnpg_collector_pg_wal_archive_status", WAITING, "1"),
        ("cnpg_socle_role_connections", ROLE, "4"),
        ("cnpg_socle_role_connection_limit", ROLE, "20"),
    ):
        yield series(metric, pod(name, labels)), value
    for metric, value in (("available_bytes", "15"), ("capacity_bytes", "20"), ("inodes_free", "9"), ("inodes", "10")):
        yield series(f"kubelet_volume_stats_{metric}", volume(name)), value


def _primary() -> Iterator[tuple[str, str]]:
    for labels in (MASKED, MASKED_TOO):
        yield series("cnpg_socle_snapshots_newest_data_age_seconds", pod(PRIMARY, labels)), "3600"
    yield series("cnpg_socle_branches_orphans", pod(PRIMARY, CITY)), "0"
    yield series("cnpg_socle_branching_half_dropped", pod(PRIMARY)), "0"


def _beside() -> Iterator[tuple[str, str]]:
    for secret in ("shared-ca", "shared-server", "shared-replication"):
        yield series("x509_cert_not_after", certificate(secret)), str(90 * DAY)
    yield series("cnpg_pgbouncer_up", POOLER), "1"
    yield series("cnpg_pgbouncer_pools_cl_waiting", POOLER, POOL), "0"
    for labels in (CACHE, REPLICA):
        yield series("redis_up", labels), "1"
        yield series("redis_memory_used_bytes", labels), "50"
        yield series("redis_memory_max_bytes", labels), "100"
        yield series("redis_evicted_keys_total", labels), "7"
        yield series("redis_rejected_connections_total", labels), "7"
    yield series("redis_connected_slaves", CACHE), "1"
    yield series("redis_connected_slaves", REPLICA), "0"
    yield series("redis_master_link_up", REPLICA), "1"
