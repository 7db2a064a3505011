"""Which of an application's variables need a password that only a store outside the cluster knows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stacks import templates

_IN_STORE = frozenset(f"database.{one}" for one in ("password", "url", "sqlalchemy_url", "asyncpg_url"))
"""Placeholders with the password of the application's own login."""
_GENERATED = frozenset({"database.readonly_password", "database.readonly_url"})
"""Placeholders with another password of the database; those of other services are all generated."""


def placeholders(text: str) -> list[str]:
    """What a template names; nothing where its braces don't match, which is told elsewhere."""
    try:
        return templates.used(text)
    except ValueError:
        return []


def from_store(texts: Iterable[str]) -> bool:
    """Whether one of the templates has the password of the application's own login."""
    return any(name in _IN_STORE for text in texts for name in placeholders(text))


def is_mixed(variables: Mapping[str, str]) -> bool:
    """Whether one Secret would need passwords from a store and from Socle, of which each knows only its own."""
    texts = list(variables.values())
    generated = any(
        name in _GENERATED or not name.startswith("database.") for text in texts for name in placeholders(text)
    )
    return generated and from_store(texts)
