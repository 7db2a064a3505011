"""The database that a snapshot is built in: made closed, opened to the builder only, and dropped."""

from __future__ import annotations

from psycopg import sql

from branching.connection import Connection
from branching.errors import ServerRefusedError
from branching.relations import Extension, Locale

CONNECTION_LIMIT = 40
"""Enough for one build by up to 32 sessions; binds a builder that is no superuser, and whoever else would get in."""

SINGLE_DATABASE_EXTENSIONS = frozenset({"pg_cron"})
"""Extensions that act on their own, and that the server takes in one database only: pg_cron, in the one that
`cron.database_name` names."""


def create(
    connection: Connection, name: str, *, locale: Locale, brancher: str, owner: str, tablespace: str = ""
) -> None:
    """Create an empty database that PUBLIC was never able to enter. `connection` is outside any transaction."""
    target = sql.Identifier(name)
    statement = "CREATE DATABASE {} TEMPLATE template0 OWNER {} {} {} ALLOW_CONNECTIONS false CONNECTION LIMIT {}"
    connection.execute(
        sql.SQL(statement).format(
            target,
            sql.Identifier(brancher),
            locale_options(locale),
            in_tablespace(tablespace),
            sql.Literal(CONNECTION_LIMIT),
        )
    )
    with connection.transaction():
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(target))
        # The owner of the objects makes schemas while it restores, and a schema's owner must be able to make it.
        connection.execute(
            sql.SQL("GRANT CREATE, TEMPORARY ON DATABASE {} TO {}").format(target, sql.Identifier(owner))
        )
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(target))


def in_tablespace(tablespace: str) -> sql.Composable:
    """The option of CREATE DATABASE that puts it into a tablespace; none where that is the server's own. Pure."""
    return sql.SQL("TABLESPACE {}").format(sql.Identifier(tablespace)) if tablespace else sql.SQL("")


def require_tablespace(connection: Connection, tablespace: str) -> None:
    """Refuse a tablespace that the server hasn't or that this role may not use.

    Raises:
        ServerRefusedError: so it is.
    """
    query = "SELECT spcname, has_tablespace_privilege(oid, 'CREATE') FROM pg_tablespace WHERE spcname !~ '^pg_'"
    usable = {str(name): bool(may) for name, may in connection.execute(query).fetchall()}
    if not tablespace or usable.get(tablespace):
        return
    if tablespace in usable:
        message = f"{connection.info.user} may not put databases into the tablespace {tablespace}"
        raise ServerRefusedError(message, f"GRANT CREATE ON TABLESPACE {tablespace} TO {connection.info.user}")
    raise ServerRefusedError(
        f"the server has no tablespace {tablespace}; it has {', '.join(usable) or 'none of its own'}",
        f"CREATE TABLESPACE {tablespace} LOCATION '…' on the server, or name another as snapshots.tablespace",
    )


def locale_options(locale: Locale) -> sql.Composed:
    """The options of CREATE DATABASE that give a database this locale. Pure."""
    options = [
        ("ENCODING", locale.encoding),
        ("LOCALE_PROVIDER", locale.provider),
        ("LC_COLLATE", locale.collate),
        ("LC_CTYPE", locale.ctype),
    ]
    if locale.locale:
        options.append(("ICU_LOCALE" if locale.provider == "icu" else "BUILTIN_LOCALE", locale.locale))
    if locale.icu_rules:
        options.append(("ICU_RULES", locale.icu_rules))
    return sql.SQL(" ").join(sql.SQL("{} {}").format(sql.SQL(word), sql.Literal(value)) for word, value in options)


def prepare(connection: Connection, *, owner: str, extensions: tuple[Extension, ...]) -> frozenset[str]:
    """In the new database: hand `public` over, and make the extensions, which the objects' owner may not.

    Returns:
        The schemas that were made for extensions.
    """
    connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(owner)))
    connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    schemas = set()
    for extension in extensions:
        if extension.name in SINGLE_DATABASE_EXTENSIONS:
            continue
        if extension.schema not in {"public", "pg_catalog"}:
            statement = sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}")
            connection.execute(statement.format(sql.Identifier(extension.schema), sql.Identifier(owner)))
            schemas.add(extension.schema)
        connection.execute(
            sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {} VERSION {}").format(
                sql.Identifier(extension.name), sql.Identifier(extension.schema), sql.Literal(extension.version)
            )
        )
    return frozenset(schemas)


def drop(connection: Connection, name: str) -> None:
    """Drop a snapshot or what an interrupted build left of one, whoever is connected."""
    target = sql.Identifier(name)
    row = connection.execute(
        "SELECT datistemplate, datconnlimit FROM pg_database WHERE datname = %s", (name,)
    ).fetchone()
    if row is None:
        return
    is_template, limit = row
    # A limit of -2 marks a drop that was interrupted: such a database takes no ALTER, only another drop.
    if is_template and limit != -2:
        connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(target))
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(target))
