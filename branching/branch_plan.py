"""The SQL of a branch's life, statement by statement. Pure: what is granted to whom can be read and tested here."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from branching.settings import assignment
from branching.strategy import Strategy

Statement = sql.Composed


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a branch's role may take of the server. An empty timeout leaves the server's."""

    connections: int = 20
    statement_timeout: str = "60s"
    idle_in_transaction_session_timeout: str = "60s"


def create_role(role: str, verifier: str, limits: Limits) -> Statement:
    """A login role without any attribute; `verifier` is SCRAM's, never a password."""
    return sql.SQL("CREATE ROLE {} {} NOCREATEDB NOCREATEROLE").format(sql.Identifier(role), _login(verifier, limits))


def alter_role(role: str, verifier: str | None, limits: Limits) -> Statement:
    """Bring a role that is there to what is asked; None keeps its password."""
    return sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(role), _login(verifier, limits))


def memberships(role: str, owner: str, brancher: str, server_major: int) -> list[Statement]:
    """Who is a member of what: the branch's role of the objects' owner, the brancher of the branch's role.

    The brancher needs its membership to end the role's sessions, or a forced drop is refused.
    """
    inherited = server_major >= 16
    own = sql.SQL(" WITH INHERIT FALSE, SET TRUE" if inherited else "")
    bot = sql.SQL(" WITH INHERIT TRUE, SET FALSE" if inherited else "")
    grant = sql.SQL("GRANT {} TO {}{}")
    return [
        grant.format(sql.Identifier(owner), sql.Identifier(role), own),
        grant.format(sql.Identifier(role), sql.Identifier(brancher), bot),
    ]


def create_database(name: str, snapshot: str, strategy: Strategy) -> Statement:
    """The copy, closed: nobody is in it before it is stripped and granted."""
    word = sql.SQL("WAL_LOG") if strategy is Strategy.WAL_LOG else sql.SQL("FILE_COPY")
    return sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {} ALLOW_CONNECTIONS false").format(
        sql.Identifier(name), sql.Identifier(snapshot), word
    )


def access(name: str, role: str, owner: str) -> list[Statement]:
    """Who may what on the database: nobody but the branch's role connects.

    The owner's role gets what a session needs once it acts as that role; it logs in nowhere and may connect nowhere.
    """
    database = sql.Identifier(name)
    return [
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database),
        sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, sql.Identifier(role)),
        sql.SQL("GRANT CREATE, TEMPORARY ON DATABASE {} TO {}").format(database, sql.Identifier(owner)),
    ]


def session(name: str, role: str, owner: str, limits: Limits) -> list[Statement]:
    """What the role's sessions in the database begin with: they act as the owner of its objects, within the limits."""
    values = {
        "role": owner,
        "statement_timeout": limits.statement_timeout,
        "idle_in_transaction_session_timeout": limits.idle_in_transaction_session_timeout,
    }
    place = sql.SQL("ALTER ROLE {} IN DATABASE {}").format(sql.Identifier(role), sql.Identifier(name))
    return [
        sql.SQL("{} SET {} TO {}").format(place, sql.Identifier(setting), sql.Literal(value))
        if value
        else sql.SQL("{} RESET {}").format(place, sql.Identifier(setting))
        for setting, value in values.items()
    ]


def database_setting(name: str, setting: str) -> Statement:
    """Give the branch a setting of the source's database."""
    return sql.SQL("ALTER DATABASE {} {}").format(sql.Identifier(name), assignment(setting))


def role_setting(name: str, role: str, setting: str) -> Statement:
    """Give the branch's role a setting that the application's role has in the source."""
    place = sql.SQL("ALTER ROLE {} IN DATABASE {}").format(sql.Identifier(role), sql.Identifier(name))
    return sql.SQL("{} {}").format(place, assignment(setting))


def comment(name: str, text: str) -> Statement:
    """What the branch says of itself."""
    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(text))


def open_to(name: str, limits: Limits) -> Statement:
    """The last step: from here on the branch can be connected to."""
    return sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true CONNECTION LIMIT {}").format(
        sql.Identifier(name), sql.Literal(limits.connections)
    )


def close(name: str) -> Statement:
    """The first step of a drop: no new session begins while the old ones end."""
    return sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name))


def drop_database(name: str) -> Statement:
    """End the sessions and drop."""
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))


def drop_role(role: str) -> Statement:
    """Drop the role; its memberships and its settings go with it."""
    return sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role))


def _login(verifier: str | None, limits: Limits) -> Statement:
    password = sql.SQL("") if verifier is None else sql.SQL(" PASSWORD {}").format(sql.Literal(verifier))
    return sql.SQL("LOGIN NOINHERIT CONNECTION LIMIT {}{}").format(sql.Literal(limits.connections), password)
