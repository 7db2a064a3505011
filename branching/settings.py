"""`ALTER DATABASE SET` and `ALTER ROLE SET`, given again to a copy. Pure."""

from __future__ import annotations

import re

from psycopg import sql

_QUOTED_LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
"""Settings whose stored text is a list of quoted names; given back as one literal they would become one name."""

_ELEMENT = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,"]*?))\s*(?:,|$)')

NOT_RESTORED = frozenset({"role", "session_authorization"})
"""Settings that name a role of the source; a branch has its own."""


def split(setting: str) -> tuple[str, str]:
    """`name=value` as the server stores it, in two."""
    name, _, value = setting.partition("=")
    return name, value


def assignment(setting: str) -> sql.Composed:
    """`SET name TO value` for a setting as the server stores it."""
    name, value = split(setting)
    values = elements(value) if name.lower() in _QUOTED_LISTS else [value]
    # A setting of an extension has two parts, and each is a name.
    identifier = sql.SQL(".").join(sql.Identifier(part) for part in name.split("."))
    return sql.SQL("SET {} TO {}").format(identifier, sql.SQL(", ").join(map(sql.Literal, values)))


def elements(value: str) -> list[str]:
    """The names in a stored list: `"$user", public` is two."""
    found = []
    position = 0
    while position < len(value):
        match = _ELEMENT.match(value, position)
        if match is None or match.end() == position:
            return [value]
        quoted, bare = match.groups()
        found.append(quoted.replace('""', '"') if quoted is not None else bare)
        position = match.end()
    return found or [""]


def restorable(settings: tuple[str, ...]) -> tuple[str, ...]:
    """Those that a branch takes over."""
    return tuple(setting for setting in settings if split(setting)[0].lower() not in NOT_RESTORED)
