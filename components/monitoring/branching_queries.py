"""What snapshots and branches say of themselves, as metrics. Pure.

Their metadata is JSON in the databases' comments (branching/metadata.py, docs/decisions/0007), where anybody's text may
stand as well. It is read by patterns and not parsed: a cast of what is no JSON would fail the whole query, and what
could test it first (`IS JSON`, `pg_input_is_valid`) begins with PostgreSQL 16. The patterns are exact for what
branching writes. Within a JSON string each quote has a backslash before it, so `"key": ` is always a key; keys are
sorted, so the last of a name is the outer one, not that of `measures` or `rules`.
"""

from __future__ import annotations

from components.monitoring.queries import Query, gauge, label

TEXT = r'"([^"\\]+)"'
NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,17})?(?:e-[0-9]{1,2})?)"
MOMENT = r'"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\+00:00"'
BRANCH_NAME = r"^pr_[1-9][0-9]*(_[a-z0-9][a-z0-9_]*)?$"
"""As branching/names.py has it."""
SNAPSHOT_NAME = r"^.+_snapshot_v[1-9][0-9]*$"
WARM_NAME = r"^.+_warm_v[1-9][0-9]*_[1-9][0-9]*$"
INTERRUPTED_DROP = -2
"""The connection limit that PostgreSQL gives a database whose drop was interrupted."""


def pattern(key: str, value: str) -> str:
    """What finds the value of a key in metadata."""
    return f'^.*"{key}": {value}'


def _read(key: str, value: str) -> str:
    return f"substring(comment from '{pattern(key, value)}')"


def _seconds_since(key: str) -> str:
    """Seconds since the moment under `key`; 0 where it was written by a clock that is ahead.

    No cast of the whole moment: one to the 31st of February would fail the query.
    """
    year, month, day, hour, minute, second = (f"moment[{at}]::int" for at in range(1, 7))
    offset = (
        f"make_interval(years => {year} - 1, months => {month} - 1, days => {day} - 1, "
        f"hours => {hour}, mins => {minute}, secs => {second})"
    )
    return (
        "(SELECT greatest(0, extract(epoch FROM clock_timestamp()) - extract(epoch FROM timestamp '0001-01-01' + "
        f"{offset})) FROM regexp_match(comment, '{pattern(key, MOMENT)}') AS moment)::float8"
    )


_METADATA = f"""
  SELECT d.oid, d.datname, d.datistemplate, d.datallowconn,
         shobj_description(d.oid, 'pg_database') AS comment
  FROM pg_catalog.pg_database d
  WHERE d.datconnlimit <> {INTERRUPTED_DROP} AND shobj_description(d.oid, 'pg_database') LIKE '{{"socle": {{%'"""

_KNOWN = f"""
WITH told AS ({_METADATA}
), snapshots AS (
  SELECT oid, {_read("application", TEXT)} AS application, {_read("content", TEXT)} AS content,
         {_read("version", NUMBER)}::float8 AS version,
         {_read("seconds", NUMBER)}::float8 AS seconds,
         {_seconds_since("taken_at")} AS age_seconds
  FROM told
  WHERE datname ~ '{SNAPSHOT_NAME}' AND datistemplate AND NOT datallowconn
        AND {_read("kind", TEXT)} = 'snapshot'
), branches AS (
  SELECT oid, {_read("application", TEXT)} AS application,
         {_read("pull_request", NUMBER)} AS pull_request,
         {_read("seconds", NUMBER)}::float8 AS seconds,
         {_seconds_since("created_at")} AS age_seconds
  FROM told
  WHERE datname ~ '{BRANCH_NAME}' AND {_read("kind", TEXT)} = 'branch'
)"""

SNAPSHOTS = Query(
    name="socle_snapshots",
    primary=True,
    sql=f"""{_KNOWN.strip()}
SELECT application, content, count(*) AS total, coalesce(sum(pg_database_size(oid)), 0)::float8 AS bytes,
       max(version) AS newest_version,
       (array_agg(age_seconds ORDER BY version DESC))[1] AS newest_data_age_seconds,
       (array_agg(seconds ORDER BY version DESC))[1] AS newest_build_seconds
FROM snapshots
WHERE application IS NOT NULL AND content IS NOT NULL AND version IS NOT NULL
GROUP BY application, content
""",
    columns=(
        label("application", "The application that it was made of"),
        label("content", "What it has of the rows: masked, synthetic or schema"),
        gauge("total", "Snapshots that are there"),
        gauge("bytes", "Their size on disk; a filesystem that shares blocks has less"),
        gauge("newest_version", "Version of the newest one"),
        gauge("newest_data_age_seconds", "Seconds since the moment whose data the newest one holds"),
        gauge("newest_build_seconds", "Seconds that building the newest one took"),
    ),
)

BRANCHES = Query(
    name="socle_branches",
    primary=True,
    sql=f"""{_KNOWN.strip()}, applications AS (
  SELECT application FROM snapshots UNION SELECT application FROM branches
)
SELECT a.application, count(b.oid) AS total, coalesce(sum(pg_database_size(b.oid)), 0)::float8 AS bytes,
       coalesce(max(b.age_seconds), 0) AS oldest_age_seconds,
       (array_agg(b.seconds ORDER BY b.age_seconds))[1] AS newest_copy_seconds,
       max(b.seconds) AS slowest_copy_seconds,
       count(closed.rolname) AS orphans
FROM applications a
LEFT JOIN branches b USING (application)
LEFT JOIN pg_catalog.pg_roles closed ON closed.rolname = 'socle_closed_pr_' || b.pull_request
WHERE a.application IS NOT NULL
GROUP BY a.application
""",
    columns=(
        label("application", "The application that it is a copy of"),
        gauge("total", "Branches that are there"),
        gauge("bytes", "Their size on disk; a filesystem that shares blocks has less"),
        gauge("oldest_age_seconds", "Seconds since the oldest one was made; 0 where there is none"),
        gauge("newest_copy_seconds", "Seconds that copying the newest one took"),
        gauge("slowest_copy_seconds", "Seconds that the slowest copy of those there took"),
        gauge("orphans", "Branches whose pull request is closed: it has a tombstone (docs/decisions/0016)"),
    ),
)

SERVER = Query(
    name="socle_branching",
    primary=True,
    sql=f"""
SELECT count(*) FILTER (WHERE datconnlimit = {INTERRUPTED_DROP}) AS half_dropped,
       count(*) FILTER (WHERE datconnlimit <> {INTERRUPTED_DROP} AND NOT datallowconn
                              AND datname ~ '{WARM_NAME}') AS warm,
       count(*) FILTER (WHERE datconnlimit <> {INTERRUPTED_DROP} AND NOT datallowconn
                              AND (datname ~ '{BRANCH_NAME}' OR datname ~ '{SNAPSHOT_NAME}')
                              AND shobj_description(oid, 'pg_database') IS NULL) AS unfinished,
       (SELECT count(*) FROM pg_catalog.pg_roles
        WHERE rolname ~ '^socle_closed_pr_[1-9][0-9]*$') AS tombstones
FROM pg_catalog.pg_database
""".lstrip(),
    columns=(
        gauge("half_dropped", "Databases whose drop was interrupted, whoever made them"),
        gauge("warm", "Copies that wait for a pull request"),
        gauge("unfinished", "Snapshots and branches that are being made, or whose making was interrupted"),
        gauge("tombstones", "Closed pull requests that are remembered"),
    ),
)

QUERIES = (SNAPSHOTS, BRANCHES, SERVER)
