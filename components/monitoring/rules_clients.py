"""Rules on what stands beside the server: poolers and caches. Pure."""

from __future__ import annotations

from components.monitoring import selectors
from components.monitoring.args import MonitoringArgs, RedisTarget
from components.monitoring.rule import Alert, Severity, minutes, number


def pooler_alerts(args: MonitoringArgs, name: str) -> tuple[Alert, ...]:
    """The rules of one PgBouncer pooler."""
    series = selectors.job(args, name)
    return (
        Alert(
            name="SoclePoolerDown",
            expression=f"(count(cnpg_pgbouncer_up{{{series}}} == 1) or vector(0)) == 0",
            hold_seconds=minutes(2),
            severity=Severity.CRITICAL,
            summary=f"No pod of the pooler {name} answers",
            description=f"Applications that reach {args.cluster} through it can't.",
        ),
        Alert(
            name="SoclePoolerClientsWaiting",
            expression=f"sum by (namespace, pod, database) (cnpg_pgbouncer_pools_cl_waiting{{{series}}}) > 0",
            hold_seconds=minutes(5),
            severity=Severity.WARNING,
            summary="{{ $value }} clients of {{ $labels.database }} wait for a connection",
            description=f"Every server connection of the pooler {name} for that database is busy.",
        ),
    )


def cache_alerts(args: MonitoringArgs, cache: RedisTarget) -> tuple[Alert, ...]:
    """The rules of one cache; that on replication only where it has replicas."""
    series = selectors.job(args, cache.name)
    replication = (_replication(series, cache),) if cache.instances > 1 else ()
    return (_down(series, cache), *_pressure(series, args, cache), *replication)


def _down(series: str, cache: RedisTarget) -> Alert:
    return Alert(
        name="SocleRedisDown",
        # redis_up, not up: the exporter lives on where the cache behind it doesn't answer.
        expression=f"(count(redis_up{{{series}}} == 1) or vector(0)) < {cache.instances}",
        hold_seconds=minutes(2),
        severity=Severity.CRITICAL,
        summary=f"{{{{ $value }}}} of {cache.instances} instances of the cache {cache.name} answer",
        description="Applications have to do without what is cached, and those that can't do without fail.",
    )


def _pressure(series: str, args: MonitoringArgs, cache: RedisTarget) -> tuple[Alert, ...]:
    limits = args.thresholds
    return (
        Alert(
            name="SocleRedisMemoryNearLimit",
            # A limit of 0 is none at all.
            expression=f"redis_memory_used_bytes{{{series}}} / (redis_memory_max_bytes{{{series}}} > 0) "
            f"> {number(limits.redis_memory_share)}",
            hold_seconds=minutes(10),
            severity=Severity.WARNING,
            summary="{{ $labels.pod }} uses {{ $value | humanizePercentage }} of its memory",
            description=f"At the limit the cache {cache.name} evicts keys, or refuses writes, as its policy says.",
        ),
        Alert(
            name="SocleRedisEvictsKeys",
            expression=f"rate(redis_evicted_keys_total{{{series}}}[10m]) > {number(limits.redis_evictions_per_second)}",
            hold_seconds=minutes(15),
            severity=Severity.WARNING,
            summary="{{ $labels.pod }} evicts {{ $value | humanize }} keys a second",
            description=f"What applications put into {cache.name} doesn't fit: keys go before their time.",
        ),
        Alert(
            name="SocleRedisRejectsConnections",
            expression=f"increase(redis_rejected_connections_total{{{series}}}[10m]) > 0",
            hold_seconds=0,
            severity=Severity.WARNING,
            summary="{{ $labels.pod }} rejected {{ $value | humanize }} connections in ten minutes",
            description=f"The cache {cache.name} has as many clients as it takes (`maxclients`).",
        ),
    )


def _replication(series: str, cache: RedisTarget) -> Alert:
    replicas = cache.instances - 1
    return Alert(
        name="SocleRedisReplicationBroken",
        expression=f"min by (namespace, pod) (redis_master_link_up{{{series}}}) == 0 "
        f"or max by (namespace) (redis_connected_slaves{{{series}}}) < {replicas}",
        hold_seconds=minutes(5),
        severity=Severity.WARNING,
        summary=f"The replicas of {cache.name} don't all follow",
        description="A failover would lose what a replica has missed, or find none.",
    )
