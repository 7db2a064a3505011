"""Fills a snapshot's database from the frozen source, as the role that shall own everything in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from branching import copy, publish, schema, synthetic, target, units
from branching.connection import BULK, Connection, Server, connect, nearest
from branching.masking.masks import Keep
from branching.masking.rules import Classification, Rules
from branching.metadata import Content
from branching.progress import Progress, ProgressCallback
from branching.relations import Catalog, Sequence
from branching.source import FrozenSource
from branching.stream import Ends, Pace, stream


@dataclass(frozen=True, kw_only=True)
class Destination:
    """The database to fill."""

    server: Server
    name: str
    owner: str
    """The NOLOGIN role that owns what is made in it."""


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What a fill carried over."""

    rows: Mapping[str, int]
    """By `schema.table`."""
    empty: tuple[str, ...]
    """Tables that should have invented rows and have none, with the constraint that refused them."""
    dropped: tuple[str, ...]
    """What it left out since it must not act in a copy."""


def fill(
    destination: Destination,
    source: FrozenSource,
    classification: Classification,
    programs: schema.Programs,
    *,
    content: Content,
    comments: bool,
    pace: Pace,
    progress: ProgressCallback,
) -> Filled:
    """Make the definitions, stream the rows, build indexes and constraints, fill the materialized views.

    Args:
        destination: the empty database.
        source: what to copy.
        classification: the tables whose rows come over; none unless `content` is masked.
        programs: PostgreSQL's own.
        content: what of the rows comes over.
        comments: whether the objects' comments do.
        pace: how much of the server it may take.
        progress: is told of each step.

    Raises:
        BuildFailedError: a definition or a row is refused.
    """
    name, catalog = destination.name, source.catalog
    progress(Progress(phase="schema"))
    with connect(destination.server, name) as connection:
        schemas = target.prepare(connection, owner=destination.owner, extensions=catalog.extensions)
    with tempfile.TemporaryDirectory(prefix="socle-snapshot-") as folder:
        dumped = schema.dump(
            source.reader.server,
            programs,
            database=catalog.database,
            exported=source.exported,
            role=source.reader.role,
            foreign_tables=catalog.foreign_tables,
            existing_schemas=schemas,
            excluded_schemas=catalog.excluded.schemas,
            comments=comments,
            folder=Path(folder),
            lock_wait_seconds=source.reader.lock_wait_seconds,
        )
        schema.restore(dumped, destination.server, database=name, role=destination.owner)
        ends = Ends(
            source=source.connection,
            another_source=source.another_session,
            target=lambda: _as_owner(destination),
            waiters=source.waiters,
        )
        rows = stream(units.cut(units.with_rows(catalog), classification, sessions=pace.sessions), ends, pace, progress)
        progress(Progress(phase="indexes"))
        schema.finish(dumped, destination.server, database=name, role=destination.owner, jobs=pace.sessions)
    empty: tuple[str, ...] = ()
    with _as_owner(destination) as connection:
        if content is Content.MASKED:
            copy.set_sequences(connection, [one for one in catalog.sequences if _carried(one, catalog, classification)])
        elif content is Content.SYNTHETIC:
            invented = synthetic.fill(connection)
            rows, empty = invented.rows, tuple(f"{table} ({why})" for table, why in invented.empty.items())
        copy.refresh(connection, catalog.materialized_views)
    left = (one.name for one in catalog.extensions if one.name in target.SINGLE_DATABASE_EXTENSIONS)
    dropped = {*catalog.inert, *dumped.dropped, *(f"extension {name}" for name in left)}
    if catalog.commented and not comments:
        dropped.add("comments, since the rules don't say keepComments")
    return Filled(rows=rows, empty=empty, dropped=tuple(sorted(dropped)))


def _carried(sequence: Sequence, catalog: Catalog, classification: Classification) -> bool:
    """Whether a sequence's position comes over: where a column that it numbers is kept, or none is known to be.

    A position tells how many there were; the rows of a masked column don't collide with it.
    """
    rules = [
        masked.rule
        for table in catalog.tables
        for masked in classification.get(table.key, ())
        if {(table.key, masked.column.name), (table.root, masked.column.name)} & set(sequence.feeds)
    ]
    return not sequence.feeds or any(isinstance(rule, Keep) for rule in rules)


def settle(
    destination: Destination,
    source: Catalog,
    rules: Rules | None,
    rows: Mapping[str, int],
    progress: ProgressCallback,
) -> None:
    """Freeze and analyse the copy, so that no branch has to, and prove that it is whole.

    Args:
        destination: the filled database.
        source: what was copied.
        rules: what every column of the copy is checked against; None where no row came over.
        rows: what came over, by `schema.table`.
        progress: is told of each step.

    Raises:
        BuildFailedError, RulesError: it isn't.
    """
    with connect(destination.server, destination.name, settings=BULK) as connection:
        progress(Progress(phase="vacuum"))
        connection.execute("VACUUM (FREEZE, ANALYZE)")
        progress(Progress(phase="verify"))
        copied = publish.verify(connection, source)
        if rules is not None:
            publish.verify_rows(connection, copied, rules, rows)


@contextmanager
def _as_owner(destination: Destination) -> Iterator[Connection]:
    with connect(nearest(destination.server), destination.name, settings=BULK) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(destination.owner)))
        yield connection
