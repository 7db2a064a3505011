"""What a database consists of, as far as a copy of it must know. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class TableKind(Enum):
    """Where a table's rows are. Not its persistence, and not how it is partitioned."""

    ORDINARY = "ordinary"
    PARTITIONED = "partitioned"
    """Has no rows of its own; partitioned tables below another are of this kind as well."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    type: str
    """As SQL writes it, schema-qualified where it isn't a built-in one."""
    domain_of: str = ""
    """For a domain, the type that it is made of."""
    enum: bool = False
    """Whether its values are a type's own words."""
    not_null: bool = False
    """By the column or by its domain."""
    primary_key: bool = False
    partition_key: bool = False
    generated: bool = False
    """Computed by the server from other columns, so that it needs no rule and takes no value."""
    unique: bool = False
    """By itself, not together with others."""
    references: tuple[tuple[str, str], ...] = ()
    """The columns that its foreign keys refer to: `schema.table` and column."""

    @property
    def base(self) -> str:
        """The type whose values it has: its own, or its domain's."""
        return self.domain_of or self.type


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table, partitioned table or partition."""

    schema: str
    name: str
    kind: TableKind
    columns: tuple[Column, ...]
    root: str = ""
    """For a partition, the key of the topmost table, whose rules it follows."""
    bytes: int = 0
    """Size on disk with TOAST and without indexes."""
    blocks: int = 0
    """Of the table itself."""

    @property
    def key(self) -> str:
        """`schema.table`, as the rules file writes it."""
        return f"{self.schema}.{self.name}"

    @property
    def classified_by(self) -> str:
        """The key of the table whose rules hold for this one."""
        return self.root or self.key


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """A sequence and where it stands."""

    schema: str
    name: str
    last_value: int
    is_called: bool
    feeds: tuple[tuple[str, str], ...] = ()
    """The columns that it numbers, as far as the server knows: table as `schema.table`, column."""


@dataclass(frozen=True, kw_only=True)
class Extension:
    """An extension and the schema that it was put into."""

    name: str
    version: str
    schema: str


@dataclass(frozen=True, kw_only=True)
class Locale:
    """What a database's text is compared by; a copy with another could order, and so index, differently."""

    encoding: str
    provider: str
    """`libc`, `icu` or `builtin`."""
    collate: str
    ctype: str
    locale: str = ""
    """ICU's or the builtin provider's."""
    icu_rules: str = ""


@dataclass(frozen=True, kw_only=True)
class MaterializedView:
    """A materialized view that has been filled."""

    schema: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Exclusions:
    """What a copy hasn't at all."""

    schemas: tuple[str, ...] = ()
    large_objects: bool = False


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """A database at one moment."""

    database: str
    owner: str
    locale: Locale
    bytes: int
    """Size on disk, indexes included."""
    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...]
    extensions: tuple[Extension, ...]
    materialized_views: tuple[MaterializedView, ...]
    """In an order in which each one's sources come before it."""
    foreign_tables: tuple[tuple[str, str], ...]
    unvalidated: frozenset[str]
    """Constraints that the source itself never validated, as `schema.table.constraint`."""
    inert: tuple[str, ...]
    """Things that would act on their own in a copy, each as `event trigger audit`, and which a copy leaves out."""
    large_objects: int
    settings: tuple[str, ...]
    """`ALTER DATABASE SET`, each `name=value` as the server stores it."""
    role_settings: tuple[tuple[str, tuple[str, ...]], ...]
    """`ALTER ROLE … IN DATABASE … SET` by role."""
    comment: str
    commented: bool = False
    """Whether objects in it have comments."""
    excluded: Exclusions = Exclusions()
    """What the rules leave out of a copy; nothing above is of it."""

    def without(self, excluded: Exclusions) -> Catalog:
        """The catalog as if what is excluded were not there."""
        schemas = excluded.schemas
        left = [f"schema {schema}, by the rules" for schema in schemas]
        if excluded.large_objects and self.large_objects:
            left.append("large objects")
        return replace(
            self,
            tables=tuple(one for one in self.tables if one.schema not in schemas),
            sequences=tuple(one for one in self.sequences if one.schema not in schemas),
            materialized_views=tuple(one for one in self.materialized_views if one.schema not in schemas),
            foreign_tables=tuple(one for one in self.foreign_tables if one[0] not in schemas),
            inert=(*self.inert, *left),
            large_objects=0 if excluded.large_objects else self.large_objects,
            excluded=excluded,
        )

    def shape(self) -> tuple[object, ...]:
        """What must not change between the check of the rules and the copy; sizes and sequence values may."""
        tables = tuple((table.key, table.kind, table.root, table.columns) for table in self.tables)
        return (tables, self.extensions, self.materialized_views, self.foreign_tables, self.large_objects)
