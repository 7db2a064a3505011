"""The end of a build: prove that the copy is whole, make it visible in one step, let go of versions nobody needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from psycopg import sql

from branching import catalog, inventory, metadata, names, target
from branching.connection import Connection
from branching.errors import BuildFailedError
from branching.lifetime import leased
from branching.masking.rules import Rules, classify
from branching.metadata import Content
from branching.relations import Catalog, TableKind

KEEP = 2
"""Published versions that stay, whoever uses them: a branch may be being made from the one before."""


def verify(connection: Connection, source: Catalog) -> Catalog:
    """Compare the finished copy's definitions with what was read. Only names are compared, never values.

    Returns:
        The copy's catalog.

    Raises:
        BuildFailedError: a table or a column differs, or a constraint was left unchecked.
    """
    copied = catalog.read(connection)
    if _layout(copied) != _layout(source):
        differing = _layout(copied) ^ _layout(source)
        raise BuildFailedError(
            f"the copy's tables differ from the source's: {', '.join(sorted({key for key, _ in differing}))}"
        )
    left = copied.unvalidated - source.unvalidated
    if left:
        raise BuildFailedError(f"constraints are not validated: {', '.join(sorted(left))}")
    return copied


def verify_rows(connection: Connection, copied: Catalog, rules: Rules, rows: Mapping[str, int]) -> None:
    """Compare the rows of the finished copy with those that were streamed.

    Raises:
        BuildFailedError: rows are missing.
        RulesError: the copy has a column that no rule classifies.
    """
    classify(rules, copied.tables)
    for table in copied.tables:
        streamed = rows.get(table.key, 0)
        if table.kind is TableKind.ORDINARY:
            relation = sql.Identifier(table.schema, table.name)
            row = connection.execute(sql.SQL("SELECT count(*) FROM ONLY {}").format(relation)).fetchone()
            if row is None or row[0] != streamed:
                raise BuildFailedError(f"{table.key}: {streamed} rows were streamed, the copy has {row and row[0]}")


def publish(connection: Connection, name: str, content: metadata.SnapshotMetadata) -> None:
    """Close the database and make it a template, in one transaction: it is a snapshot or it is nothing."""
    database = sql.Identifier(name)
    with connection.transaction():
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(metadata.encode(content)))
        )
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(database))
        connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(database))


def sweep_unpublished(connection: Connection, database: str, brancher: str) -> tuple[str, ...]:
    """Drop what interrupted builds of `database` left. Call it while holding the builder's lock.

    Returns:
        The names that were dropped.
    """
    found = inventory.survey(connection, sizes=False).of_source(database)
    left = tuple(one.name for one in found if not one.published and one.owner == brancher)
    for name in left:
        target.drop(connection, name)
    return left


def prune(connection: Connection, database: str, keep: int = KEEP) -> tuple[str, ...]:
    """Drop the versions that are neither among the `keep` newest nor a branch's.

    Returns:
        The names that were dropped.
    """
    dropped = superseded(inventory.survey(connection, sizes=False), database, keep, datetime.now(UTC))
    for name in dropped:
        target.drop(connection, name)
    return dropped


def superseded(found: inventory.Inventory, database: str, keep: int, moment: datetime) -> tuple[str, ...]:
    """The names of the published snapshots of `database` that nobody needs at `moment`. Pure."""
    used = {
        branch.metadata.snapshot_version
        for branch in found.branches
        if branch.metadata is not None and branch.metadata.database == database
    }
    return tuple(
        names.snapshot_name(database, old.version)
        for content in Content
        for old in _all_but(found.published(database, content), keep)
        if old.version not in used and not leased(old, moment)
    )


def _all_but(published: tuple[metadata.SnapshotMetadata, ...], keep: int) -> tuple[metadata.SnapshotMetadata, ...]:
    return published[: max(len(published) - keep, 0)]


def next_version(found: inventory.Inventory, database: str) -> int:
    """One more than any version that exists or that a branch remembers. Pure."""
    existing = [snapshot.version for snapshot in found.of_source(database)]
    remembered = [
        branch.metadata.snapshot_version
        for branch in found.branches
        if branch.metadata is not None and branch.metadata.database == database
    ]
    return max([0, *existing, *remembered]) + 1


def _layout(content: Catalog) -> set[tuple[str, tuple[tuple[str, str, bool], ...]]]:
    return {
        (table.key, tuple((column.name, column.type, column.generated) for column in table.columns))
        for table in content.tables
    }
