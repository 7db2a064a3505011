"""The heartbeat: one row, written each minute, by which a restored server tells how far it came. Pure."""

from __future__ import annotations

from components.kubernetes.manifests import (
    Manifest,
    labels,
    restricted,
    restricted_container,
    secret_variable,
    variables,
)
from components.names import HEARTBEAT
from components.postgres.cnpg_manifests import MAINTENANCE, ManagedRole
from components.postgres.script_pod import POSTGRES_UID, ServerAccess
from components.postgres.statements import identifier, literal

SECONDS = 60
"""Between two heartbeats: a CronJob knows no less."""
TOLERANCE_SECONDS = 2 * SECONDS
"""How much older than its target a restore's newest heartbeat may be: one interval, and as much for a pod's start."""
ARCHIVED_SECONDS = 120
"""How long the write-ahead log may take into the store before `up` says that it isn't archived."""

_BEAT = """INSERT INTO socle.heartbeat AS h (archive, at, position)
VALUES ({archive}, clock_timestamp(), pg_current_wal_insert_lsn())
ON CONFLICT (archive) DO UPDATE SET at = excluded.at, position = excluded.position WHERE h.at < excluded.at"""

_ARCHIVED = """DECLARE wal text := pg_walfile_name(pg_current_wal_insert_lsn()); failed text;
BEGIN
  PERFORM pg_switch_wal();
  FOR second IN 1..{seconds} LOOP
    PERFORM pg_stat_clear_snapshot();
    IF EXISTS (SELECT FROM pg_stat_archiver WHERE last_archived_wal >= wal) THEN RETURN; END IF;
    PERFORM pg_sleep(1);
  END LOOP;
  SELECT last_failed_wal INTO failed FROM pg_stat_archiver;
  RAISE EXCEPTION USING MESSAGE = format({message}, wal, coalesce(failed, 'nothing'));
END"""


def role(password_secret: str) -> ManagedRole:
    """The role that writes it."""
    return ManagedRole(
        name=HEARTBEAT, comment="socle: writes a row a minute", login=True, password_secret=password_secret
    )


def setup(archive: str) -> str:
    """The text for `psql --no-psqlrc`: the table, the right to write it, and the proof that the log reaches the store.

    It may be run again. It stops where the archive `archive` takes nothing.
    """
    message = (
        f"the write-ahead log is not archived: %s was not in the store after {ARCHIVED_SECONDS} s, and the last that "
        f"failed is %s. Either the store doesn't answer, or its folder {archive} has another cluster's archive "
        "already, and this one needs a serverName of its own"
    )
    user = identifier(HEARTBEAT)
    return "\n".join(
        (
            r"\set ON_ERROR_STOP on",
            rf"\connect {identifier(MAINTENANCE)}",
            "SET client_min_messages = warning;",
            f"GRANT CONNECT ON DATABASE {identifier(MAINTENANCE)} TO {user};",
            "CREATE SCHEMA IF NOT EXISTS socle;",
            "CREATE TABLE IF NOT EXISTS socle.heartbeat (archive text PRIMARY KEY, at timestamptz NOT NULL, "
            "position pg_lsn NOT NULL);",
            f"GRANT USAGE ON SCHEMA socle TO {user};",
            f"GRANT SELECT, INSERT, UPDATE ON socle.heartbeat TO {user};",
            f"{_BEAT.format(archive=literal(archive))};",
            f"DO {literal(_ARCHIVED.format(seconds=ARCHIVED_SECONDS, message=literal(message)))};",
            "",
        )
    )


def cron_job(name: str, *, namespace: str, access: ServerAccess, password_secret: str, archive: str) -> Manifest:
    """The CronJob that writes it each minute, over TLS, as the role that can do nothing else."""
    plain = {
        "SCRIPT": _BEAT.format(archive=literal(archive)),
        "PGHOST": access.host,
        "PGDATABASE": MAINTENANCE,
        "PGCONNECT_TIMEOUT": "5",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/ca/ca.crt",
    }
    container = {
        "name": "psql",
        "image": access.image,
        "command": ["sh", "-c", 'exec psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --command="$SCRIPT"'],
        "env": [
            *variables(plain),
            secret_variable("PGUSER", password_secret, "username"),
            secret_variable("PGPASSWORD", password_secret, "password"),
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": restricted_container(),
        "volumeMounts": [{"name": "ca", "mountPath": "/ca", "readOnly": True}],
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": restricted(POSTGRES_UID),
        "containers": [container],
        "volumes": [access.authority_volume],
    }
    given = labels(name, part_of="postgresql")
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": given},
        "spec": {
            "schedule": "* * * * *",
            # A late one is as good; two at once are one too many.
            "concurrencyPolicy": "Replace",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 0,
                    "activeDeadlineSeconds": SECONDS,
                    "template": {"metadata": {"labels": given}, "spec": pod},
                }
            },
        },
    }
