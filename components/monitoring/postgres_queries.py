"""What CloudNativePG's own queries leave out: statements, locks, and the roles' own limits. Pure.

Databases of branches come and go: they are counted together or left out, so that the number of series stays bounded.
"""

from __future__ import annotations

from components.monitoring.branching_queries import BRANCH_NAME
from components.monitoring.queries import Query, counter, gauge, label

STATEMENTS_PER_DATABASE = 10
STATEMENTS = 200
"""Of all databases together."""

PARAMETERS = {
    "pg_stat_statements.max": "5000",
    "pg_stat_statements.track": "top",
    # A utility statement is kept as it was typed, with the password of an ALTER ROLE.
    "pg_stat_statements.track_utility": "off",
    "track_io_timing": "on",
}
"""What the Cluster's `postgresql.parameters` need: the operator loads the library and makes the extension for it."""

_LOADED = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_stat_statements')
       AND current_setting('shared_preload_libraries') ~ 'pg_stat_statements'
""".lstrip()

_FOLDED = f"CASE WHEN datname ~ '{BRANCH_NAME}' THEN 'pull requests' ELSE datname END"
"""One name for all branches together."""

QUERY_TIME = Query(
    name="socle_query",
    primary=False,
    predicate=_LOADED,
    sql=f"""
SELECT d.datname, sum(s.calls)::float8 AS calls_total, (sum(s.total_exec_time) / 1000)::float8 AS seconds_total,
       sum(s.rows)::float8 AS rows_total
FROM pg_stat_statements s JOIN pg_catalog.pg_database d ON d.oid = s.dbid
WHERE d.datname !~ '{BRANCH_NAME}'
GROUP BY d.datname
""".lstrip(),
    columns=(
        label("datname", "Name of the database"),
        counter("calls_total", "Statements that were executed"),
        counter("seconds_total", "Seconds that executing them took"),
        counter("rows_total", "Rows that they returned or changed"),
    ),
)

TOP_STATEMENTS = Query(
    name="socle_statement",
    primary=False,
    predicate=_LOADED,
    # No text: it can hold what somebody typed, and everybody reads a dashboard. The runbook says how to look it up.
    sql=f"""
SELECT datname, queryid, calls_total, seconds_total, rows_total FROM (
  SELECT d.datname, s.queryid::text AS queryid, sum(s.calls)::float8 AS calls_total,
         (sum(s.total_exec_time) / 1000)::float8 AS seconds_total, sum(s.rows)::float8 AS rows_total,
         row_number() OVER (PARTITION BY d.datname ORDER BY sum(s.total_exec_time) DESC) AS place
  FROM pg_stat_statements s JOIN pg_catalog.pg_database d ON d.oid = s.dbid
  WHERE d.datname !~ '{BRANCH_NAME}' AND s.queryid IS NOT NULL
  GROUP BY d.datname, s.queryid
) ranked
WHERE place <= {STATEMENTS_PER_DATABASE}
ORDER BY seconds_total DESC
LIMIT {STATEMENTS}
""".lstrip(),
    columns=(
        label("datname", "Name of the database"),
        label("queryid", "The statement's number in pg_stat_statements"),
        counter("calls_total", "How often it was executed"),
        counter("seconds_total", "Seconds that executing it took"),
        counter("rows_total", "Rows that it returned or changed"),
    ),
)

LOCKS = Query(
    name="socle_locks",
    primary=False,
    # By the session's database: a wait for another transaction's row has none of its own.
    sql=f"""
SELECT {_FOLDED} AS datname, l.mode,
       count(*) FILTER (WHERE l.granted) AS held, count(*) FILTER (WHERE NOT l.granted) AS waiting
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
WHERE a.datname IS NOT NULL AND a.pid <> pg_backend_pid()
GROUP BY 1, 2
""".lstrip(),
    columns=(
        label("datname", "Name of the session's database, or “pull requests” for all branches"),
        label("mode", "The lock's mode"),
        gauge("held", "Locks that are held"),
        gauge("waiting", "Locks that sessions wait for"),
    ),
)

LOCK_WAITS = Query(
    name="socle_lock_wait",
    primary=False,
    sql=f"""
SELECT {_FOLDED} AS datname, count(*) FILTER (WHERE NOT l.granted) AS sessions,
       coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)) FILTER (WHERE NOT l.granted), 0)::float8
         AS longest_seconds
FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_locks l USING (pid)
WHERE a.datname IS NOT NULL
GROUP BY 1
""".lstrip(),
    columns=(
        label("datname", "Name of the session's database, or “pull requests” for all branches"),
        gauge("sessions", "Sessions that wait for a lock"),
        gauge("longest_seconds", "How long the one that waits longest has waited"),
    ),
)

ROLES = Query(
    name="socle_role",
    primary=False,
    sql="""
SELECT r.rolname, count(a.pid) AS connections, r.rolconnlimit AS connection_limit
FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_stat_activity a ON a.usesysid = r.oid
WHERE r.rolcanlogin AND r.rolconnlimit > 0 AND r.rolname !~ '^pr_[1-9]'
GROUP BY r.rolname, r.rolconnlimit
""".lstrip(),
    columns=(
        label("rolname", "Name of the role"),
        gauge("connections", "Its sessions"),
        gauge("connection_limit", "As many as it may have"),
    ),
)

QUERIES = (QUERY_TIME, TOP_STATEMENTS, LOCKS, LOCK_WAITS, ROLES)
