"""Reads what a database consists of, by the session that is given, so that a caller chooses the moment."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import LiteralString

from psycopg import sql
from psycopg.rows import dict_row

from branching import catalog_queries as queries
from branching.connection import Connection, major
from branching.errors import ServerRefusedError
from branching.relations import Catalog, Column, Extension, Locale, MaterializedView, Sequence, Table, TableKind

Row = dict[str, object]

_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


def read(connection: Connection) -> Catalog:
    """The connection's database as its transaction sees it.

    Raises:
        ServerRefusedError: the database isn't there, or has a locale provider that is not known.
        psycopg.errors.InsufficientPrivilege: the session's role may not read a sequence or a table's size.
    """
    head = _rows(connection, _database_query(connection))
    if not head:
        raise ServerRefusedError("the session's database is gone")
    row = head[0]
    return Catalog(
        database=_text(row, "name"),
        owner=_text(row, "owner"),
        locale=_locale(row),
        bytes=_number(row, "bytes"),
        tables=_tables(connection),
        sequences=_sequences(connection),
        extensions=tuple(
            Extension(name=_text(one, "name"), version=_text(one, "version"), schema=_text(one, "schema"))
            for one in _rows(connection, queries.EXTENSIONS)
        ),
        materialized_views=_materialized_views(connection),
        foreign_tables=tuple(
            (_text(one, "schema"), _text(one, "name")) for one in _rows(connection, queries.FOREIGN_TABLES)
        ),
        unvalidated=unvalidated(connection),
        inert=_inert(connection),
        large_objects=_number(_rows(connection, queries.LARGE_OBJECTS)[0], "count"),
        settings=_strings(row["settings"]),
        role_settings=tuple(
            (_text(one, "role"), _strings(one["settings"])) for one in _rows(connection, queries.ROLE_SETTINGS)
        ),
        comment=_text(row, "comment"),
        commented=bool(row["commented"]),
    )


def unvalidated(connection: Connection) -> frozenset[str]:
    """The constraints that are declared and were never checked against the rows."""
    return frozenset(_text(row, "name") for row in _rows(connection, queries.UNVALIDATED))


def _rows(connection: Connection, query: LiteralString | sql.Composed) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchall()


def _database_query(connection: Connection) -> sql.Composed:
    version = major(connection)
    locale = "d.datlocale" if version >= 17 else "d.daticulocale"
    rules = "d.daticurules" if version >= 16 else "NULL"
    return sql.SQL(queries.DATABASE).format(locale=sql.SQL(locale), rules=sql.SQL(rules))


def _locale(row: Row) -> Locale:
    provider = _PROVIDERS.get(_text(row, "provider"))
    if provider is None:
        raise ServerRefusedError(
            f"database {_text(row, 'name')} has the unknown locale provider {_text(row, 'provider')!r}"
        )
    return Locale(
        encoding=_text(row, "encoding"),
        provider=provider,
        collate=_text(row, "collate"),
        ctype=_text(row, "ctype"),
        locale=_text(row, "locale"),
        icu_rules=_text(row, "icu_rules"),
    )


def _tables(connection: Connection) -> tuple[Table, ...]:
    columns: dict[object, list[Column]] = {}
    for row in _rows(connection, queries.COLUMNS):
        columns.setdefault(row["table_oid"], []).append(
            Column(
                name=_text(row, "name"),
                type=_text(row, "type"),
                not_null=bool(row["not_null"]),
                primary_key=bool(row["primary_key"]),
                partition_key=bool(row["partition_key"]),
                generated=bool(row["generated"]),
                domain_of=_text(row, "domain_of"),
                enum=bool(row["enum"]),
                unique=bool(row["unique"]),
                references=_pairs(row["references"]),
            )
        )
    return tuple(
        Table(
            schema=_text(row, "schema"),
            name=_text(row, "name"),
            kind=TableKind.PARTITIONED if row["kind"] == "p" else TableKind.ORDINARY,
            columns=tuple(columns.get(row["oid"], ())),
            root=_text(row, "root"),
            bytes=_number(row, "bytes"),
            blocks=_number(row, "blocks"),
        )
        for row in _rows(connection, queries.TABLES)
    )


def _sequences(connection: Connection) -> tuple[Sequence, ...]:
    found = []
    for row in _rows(connection, queries.SEQUENCES):
        schema, name = _text(row, "schema"), _text(row, "name")
        # pg_sequences can't tell a sequence that was set to its first value from one never used.
        state = _rows(connection, sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name)))[
            0
        ]
        found.append(
            Sequence(
                schema=schema,
                name=name,
                last_value=_number(state, "last_value"),
                is_called=bool(state["is_called"]),
                feeds=_pairs(row["feeds"]),
            )
        )
    return tuple(found)


def _materialized_views(connection: Connection) -> tuple[MaterializedView, ...]:
    views = {row["oid"]: row for row in _rows(connection, queries.MATERIALIZED_VIEWS)}
    order: TopologicalSorter[object] = TopologicalSorter(dict.fromkeys(views, ()))
    for row in _rows(connection, queries.VIEW_DEPENDENCIES):
        order.add(row["view"], row["needs"])
    return tuple(
        MaterializedView(schema=_text(views[oid], "schema"), name=_text(views[oid], "name"))
        for oid in order.static_order()
        if oid in views
    )


def _inert(connection: Connection) -> tuple[str, ...]:
    found = [_text(row, "what") for row in _rows(connection, queries.INERT)]
    return tuple(found + _extension_rows(connection))


def _extension_rows(connection: Connection) -> list[str]:
    """What extensions keep for their users, jobs of pg_cron say: it isn't copied, since it may act."""
    found = []
    for row in _rows(connection, queries.EXTENSION_TABLES):
        table, condition = sql.Identifier(_text(row, "schema"), _text(row, "name")), _text(row, "condition")
        where = f"{_text(row, 'schema')}.{_text(row, 'name')} (extension {_text(row, 'extension')})"
        if not row["readable"]:
            found.append(f"rows of {where}, if it has any")
            continue
        # The condition is the extension's own code, which only who made the extension can write.
        query = sql.SQL("SELECT count(*) AS count FROM {} {}").format(table, sql.SQL(condition))
        count = _number(_rows(connection, query)[0], "count")
        found += [f"{count} rows of {where}"] if count else []
    return found


def _text(row: Row, name: str) -> str:
    value = row[name]
    return "" if value is None else str(value)


def _number(row: Row, name: str) -> int:
    return int(str(row[name] or 0))


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    return tuple((str(table), str(column)) for table, column in value) if isinstance(value, list) else ()


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()
