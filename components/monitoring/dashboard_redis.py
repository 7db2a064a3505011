"""The Redis dashboard: memory, fragmentation, evictions, clients, commands. Pure."""

from __future__ import annotations

from components.monitoring.dashboard import Dashboard, Line, Panel, Row, Variable

_CACHE = 'namespace="$namespace",job=~"$cache"'
_PER_POD = "{{pod}}"


def _rate(metric: str, by: str = "pod") -> str:
    return f"sum by ({by}) (rate({metric}{{{_CACHE}}}[$__rate_interval]))"


def _value(metric: str) -> str:
    return f"max by (pod) ({metric}{{{_CACHE}}})"


_MEMORY = Row(
    title="Memory",
    panels=(
        Panel(
            title="Memory",
            description="What the data takes, what the system gave for it, and the limit (0 is none).",
            unit="bytes",
            lines=(
                Line(query=_value("redis_memory_used_bytes"), legend="{{pod}} used"),
                Line(query=_value("redis_memory_used_rss_bytes"), legend="{{pod}} resident"),
                Line(query=_value("redis_memory_max_bytes"), legend="{{pod}} limit"),
            ),
        ),
        Panel(
            title="Fragmentation",
            description="Resident by used memory. Above 1.5 on a cache of some size the allocator wastes memory; "
            "below 1 it is swapped out.",
            unit="none",
            lines=(Line(query=_value("redis_mem_fragmentation_ratio"), legend=_PER_POD),),
        ),
        Panel(
            title="Keys evicted and expired",
            description="A second. Evicted keys went before their time, since memory was full.",
            unit="ops",
            lines=(
                Line(query=_rate("redis_evicted_keys_total"), legend="{{pod}} evicted"),
                Line(query=_rate("redis_expired_keys_total"), legend="{{pod}} expired"),
            ),
        ),
        Panel(
            title="Keys",
            description="In each logical database.",
            unit="short",
            lines=(Line(query=f"max by (pod, db) (redis_db_keys{{{_CACHE}}})", legend="{{pod}} {{db}}"),),
        ),
    ),
)

_USE = Row(
    title="Use",
    panels=(
        Panel(
            title="Hits",
            description="Share of reads that found their key.",
            unit="percentunit",
            maximum=1,
            lines=(
                Line(
                    query=f"{_rate('redis_keyspace_hits_total')} / "
                    f"({_rate('redis_keyspace_hits_total')} + {_rate('redis_keyspace_misses_total')})",
                    legend=_PER_POD,
                ),
            ),
        ),
        Panel(
            title="Commands",
            description="A second.",
            unit="ops",
            lines=(Line(query=_rate("redis_commands_processed_total"), legend=_PER_POD),),
        ),
        Panel(
            title="Clients",
            description="Connected, waiting in a blocking command, and as many as may be.",
            unit="short",
            lines=(
                Line(query=_value("redis_connected_clients"), legend="{{pod}} connected"),
                Line(query=_value("redis_blocked_clients"), legend="{{pod}} blocked"),
                Line(query=_value("redis_max_clients"), legend="{{pod}} limit"),
            ),
        ),
        Panel(
            title="Connections rejected",
            description="A second, for there were as many clients as may be.",
            unit="ops",
            lines=(Line(query=_rate("redis_rejected_connections_total"), legend=_PER_POD),),
        ),
        Panel(
            title="Up",
            description="1 where the cache answers its exporter.",
            unit="none",
            lines=(Line(query=_value("redis_up"), legend=_PER_POD),),
        ),
        Panel(
            title="Replication",
            description="Replicas that the primary has, and 1 on a replica that follows.",
            unit="none",
            lines=(
                Line(query=_value("redis_connected_slaves"), legend="replicas of {{pod}}"),
                Line(query=_value("redis_master_link_up"), legend="{{pod}} follows"),
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid="socle-redis",
    title="Socle: Redis",
    description="Memory, fragmentation, evictions, clients and commands of the caches.",
    variables=(
        Variable(name="namespace", label="Namespace", query="label_values(redis_up, namespace)"),
        Variable(
            name="cache", label="Cache", query='label_values(redis_up{namespace="$namespace"}, job)', several=True
        ),
    ),
    rows=(_MEMORY, _USE),
)
