"""Typed settings of a CloudNativePG server's backups: where they go, how one comes back, how that is tried."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from stacks.base import ApplicationName, DnsLabel, Milliseconds, Model, Text


def _retention(value: object) -> object:
    # The plugin's own rule, `^[1-9][0-9]*[dwm]$`: Kubernetes would refuse anything else in the middle of an update.
    if not re.fullmatch(r"[1-9][0-9]*[dwm]", str(value)):
        raise ValueError("a whole number of days, weeks or months, from 1: 30d, 4w, 6m")
    return str(value)


def _moment(value: object) -> object:
    # YAML makes a time of what isn't quoted.
    found = value
    if isinstance(value, str):
        try:
            found = dt.datetime.fromisoformat(value)
        except ValueError:
            found = None
    if not isinstance(found, dt.datetime) or found.tzinfo is None:
        raise ValueError("a time with its zone, as RFC 3339 has it: 2026-11-21T23:41:24Z")
    return found.astimezone(dt.UTC)


def _destination(value: object) -> object:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s]*)?", str(value)):
        raise ValueError("a bucket, by its name of 3 to 63 letters, and a folder in it: s3://backups/dev")
    return str(value)


Destination = Annotated[str, BeforeValidator(_destination)]
Retention = Annotated[str, BeforeValidator(_retention)]
Moment = Annotated[dt.datetime, BeforeValidator(_moment)]
StoreUrl = Annotated[str, Field(pattern=r"^https?://[^/\s]+$")]


class S3Credentials(Model):
    """A key of the store."""

    access_key: str = Field(examples=["AKIA…"])
    secret_key: str = Field(examples=["{secure: …}   # pulumi config set --secret --path …secretKey"])


class ArchiveStore(Model):
    """Where an archive lies: a bucket of Amazon S3 or of a server that speaks its protocol, such as MinIO."""

    destination: Destination = Field(examples=["s3://backups/dev"])
    endpoint: StoreUrl | None = Field(default=None, examples=["https://minio.example.org"])
    """None is Amazon's."""
    region: str = ""
    credentials: S3Credentials | None = None
    inherit_from_iam_role: bool = False
    """Whether the pods' own identity has the rights, without a key."""


class Backup(ArchiveStore):
    """Continuous archiving and scheduled base backups, by plugin-barman-cloud."""

    server_name: DnsLabel | None = Field(default=None, examples=["postgresql-shared"])
    """The archive's folder; None is the cluster's name."""
    schedule: Text = Field(default="0 0 2 * * *", examples=["0 0 2 * * *"])
    """Six fields, seconds first."""
    immediate: bool = True
    """Whether one base backup is made at once."""
    retention: Retention = Field(default="30d", examples=["30d"])
    wal_compression: Literal["none", "bzip2", "gzip", "lz4", "snappy", "xz", "zstd"] = "gzip"
    data_compression: Literal["none", "bzip2", "gzip", "lz4", "snappy"] = "gzip"


class RestoreFrom(Model):
    """Where a new cluster's data come from; it stays here as long as the cluster."""

    server_name: DnsLabel = Field(examples=["postgresql-shared"])
    """The folder of the archive that is restored."""
    point_in_time: Moment | None = Field(default=None, examples=['"2026-11-21T23:41:24Z"'])
    backup: str | None = Field(default=None, pattern=r"^\d{8}T\d{6}$", examples=["20261121T020000"])
    """The id of a base backup, to go no further than that; with neither, as far as the archive goes."""
    store: ArchiveStore | None = None
    """None: the one that `backup` has."""


class Drill(Model):
    """A restore that is tried on a schedule, in a throw-away cluster."""

    schedule: Text = Field(default="0 4 * * 0", examples=["0 4 * * 0"])
    """Five fields, as Kubernetes' CronJobs have."""
    timeout: Milliseconds = Field(default=7_200_000, examples=["2h"])
    """For the throw-away cluster to become healthy."""
    freshness: Milliseconds = Field(default=900_000, examples=["15min"])
    """How old what came back may be, at the drill's beginning."""
    queries: dict[ApplicationName, Text] = Field(
        default_factory=dict, examples=['{city-api: "SELECT count(*) > 30000 FROM communes"}']
    )
    """What has to be true in an application's database."""
