"""What a store holds of one server: its backups, and how far its write-ahead log goes.

In barman-cloud's layout: `<server>/base/<id>/backup.info` and `<server>/wals/<16 digits>/<segment>`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from restoring.plan import Store
from restoring.segments import DEFAULT_SIZE, Segment, position, segment

_SECONDS = 10
"""For one answer of the store."""


class StoreError(Exception):
    """The store can't be read: what was asked, and what it said."""


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A base backup that was finished."""

    identity: str
    begin: dt.datetime
    end: dt.datetime
    first_segment: str
    end_position: int
    segment_size: int


@dataclass(frozen=True, kw_only=True)
class Archived:
    """A segment, and when it came into the store by the store's clock."""

    segment: Segment
    at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class Archive:
    """What there is of one server."""

    backups: tuple[Backup, ...]
    """The oldest first."""
    segments: tuple[Archived, ...]
    """In the log's order."""

    def last(self, by: dt.datetime | None = None) -> Archived | None:
        """The end of the log as it was archived `by` then, or by now."""
        found = [one for one in self.segments if by is None or one.at <= by]
        return found[-1] if found else None

    def missing_before(self, last: Segment) -> Segment | None:
        """The first segment that isn't there, between the first of the same timeline and `last`."""
        there = {one.segment for one in self.segments if one.segment.timeline == last.timeline}
        first = min(there, default=last)
        every = (Segment(last.timeline, at, last.size) for at in range(first.start, last.start, last.size))
        return next((one for one in every if one not in there), None)


def read(store: Store, server_name: str) -> Archive:
    """What the store holds now. Raises StoreError."""
    from botocore.exceptions import BotoCoreError, ClientError

    client = _client(store)
    root = f"{store.prefix}{server_name}/"
    try:
        backups = tuple(sorted(_backups(client, store.bucket, f"{root}base/"), key=lambda one: one.identity))
        size = backups[-1].segment_size if backups else DEFAULT_SIZE
        listed = [(_name(one["Key"]), one["LastModified"]) for one in _objects(client, store.bucket, f"{root}wals/")]
    except (BotoCoreError, ClientError) as error:
        raise StoreError(f"{store.destination} can't be read: {error}") from None
    return Archive(backups=backups, segments=tuple(_in_order(listed, size)))


def servers(store: Store) -> list[str]:
    """The servers that the store has something of. Raises StoreError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        pages = _client(store).get_paginator("list_objects_v2").paginate(
            Bucket=store.bucket, Prefix=store.prefix, Delimiter="/"
        )  # fmt: skip
        return [_name(one["Prefix"].rstrip("/")) for page in pages for one in page.get("CommonPrefixes", ())]
    except (BotoCoreError, ClientError) as error:
        raise StoreError(f"{store.destination} can't be read: {error}") from None


def backup(identity: str, text: str) -> Backup | None:
    """What a `backup.info` says; None of a backup that isn't finished. Pure."""
    said = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in text.splitlines())}
    if said.get("status") != "DONE":
        return None
    return Backup(
        identity=identity,
        begin=_moment(said["begin_time"]),
        end=_moment(said["end_time"]),
        first_segment=said["begin_wal"],
        end_position=position(said["end_xlog"]),
        segment_size=int(said.get("xlog_segment_size") or DEFAULT_SIZE),
    )


def _in_order(listed: Iterable[tuple[str, dt.datetime]], size: int) -> list[Archived]:
    found = [Archived(segment=one, at=at) for name, at in listed if (one := segment(name, size))]
    return sorted(found, key=lambda one: one.segment)


def _moment(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _client(store: Store) -> Any:
    import boto3
    from botocore.config import Config

    settings = Config(connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"max_attempts": 2, "mode": "standard"})
    return boto3.client("s3", endpoint_url=store.endpoint or None, config=settings)


def _backups(client: Any, bucket: str, prefix: str) -> Iterable[Backup]:
    for one in _objects(client, bucket, prefix):
        folder, _, name = one["Key"].rpartition("/")
        if name == "backup.info":
            text = client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode()
            if found := backup(_name(folder), text):
                yield found


def _objects(client: Any, bucket: str, prefix: str) -> Iterable[Mapping[str, Any]]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", ())


def _name(key: str) -> str:
    return key.rpartition("/")[2]
