"""Every name that Socle gives, and its limit. Pure.

PostgreSQL cuts an identifier silently after 63 bytes (NAMEDATALEN - 1), so two long names can become one; nothing here
cuts: a name that leaves no room for the names derived from it is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

IDENTIFIER_BYTES = 63
"""Bytes of a PostgreSQL identifier: https://www.postgresql.org/docs/18/limits.html."""

APPLICATION_LENGTH = 40
"""Characters of an application's name: `pr_<7 digits>_<app>` and `<app>-pr-<7 digits>` must fit PostgreSQL and DNS."""

DATABASE_LENGTH = IDENTIFIER_BYTES - len("_snapshot_v999999")
"""Bytes of a database's name: its snapshots are called `<database>_snapshot_v<n>`."""

ROLE_LENGTH = IDENTIFIER_BYTES - len("_owner")
"""Bytes of an application's role: its owner is called `<role>_owner`."""

MAX_PULL_REQUEST = 9_999_999

_APPLICATION = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")
_CACHE_USERS = frozenset({"default", "socle-admin"})
"""Users that a cache has already; an application's user there has the application's name."""
_RESERVED = frozenset(
    {"postgres", "template0", "template1", "public", "none", "socle", "socle_brancher", "socle_heartbeat"}
)
_RESERVED_SHAPE = re.compile(r"pg_.*|pr_\d+(_.*)?|.*_snapshot_v\d+|.*_warm_v\d+_\d+|.*_(owner|ro|rw2|ro2|branch)")
_RESERVED_ROLE_ENDINGS = "_owner, _ro, _rw2, _ro2, _branch and _snapshot_v<n>"

BRANCHER = "socle_brancher"
"""The role that makes and drops branches: CREATEDB, CREATEROLE, no superuser, no right on an application's rows."""
HEARTBEAT = "socle_heartbeat"
"""The role that writes one row a minute, by which a restore is proven: no right on anything else."""


@dataclass(frozen=True, kw_only=True)
class RoleNames:
    """The three roles of an application (DESIGN.md section 4)."""

    owner: str
    """NOLOGIN; owns the database and every object."""
    readwrite: str
    """LOGIN; reads and writes rows; migrations log in as it and `SET ROLE` to the owner."""
    readonly: str
    """LOGIN; reads."""


@dataclass(frozen=True, kw_only=True)
class SecondLogins:
    """The other two logins of an application whose passwords are rotated (docs/decisions/0023)."""

    readwrite: str
    """LOGIN; a member of the application's own role, whose rights it inherits."""
    readonly: str
    """LOGIN; the same of its reader."""


def identifier(application: str) -> str:
    """The application's name as an SQL identifier: `city-api` is `city_api`."""
    return application.replace("-", "_")


def roles(base: str) -> RoleNames:
    """The three roles derived from `base`, the name that the application logs in with."""
    return RoleNames(owner=f"{base}_owner", readwrite=base, readonly=f"{base}_ro")


def second_logins(roles: RoleNames) -> SecondLogins:
    """The second login of each of `roles`; no name is longer than the owner's, for which there is room."""
    return SecondLogins(readwrite=f"{roles.readwrite}_rw2", readonly=f"{roles.readwrite}_ro2")


def pull_request_stack(number: int) -> str:
    """The stack of a pull request: `pr-123`."""
    return f"pr-{number}"


def pull_request_namespace(application: str, number: int) -> str:
    """The namespace of a pull request's application in a Kubernetes cluster: `city-api-pr-123`."""
    return f"{application}-pr-{number}"


def pull_request_number(stack: str) -> int | None:
    """The number in a pull request's stack name, or None where `stack` is none."""
    found = re.fullmatch(r"pr-([1-9]\d{0,6})", stack)
    return int(found.group(1)) if found else None


def application_problem(name: str) -> str | None:
    """Why `name` can't be an application's name, or None."""
    if not _APPLICATION.fullmatch(name):
        return "lower-case letters, digits and inner hyphens, beginning with a letter"
    if name in _CACHE_USERS:
        return f"no reserved name ({', '.join(sorted(_CACHE_USERS))})"
    if len(name) > APPLICATION_LENGTH:
        return f"at most {APPLICATION_LENGTH} characters"
    return None


def database_problem(name: str) -> str | None:
    """Why `name` can't be an application's database, or None."""
    return _identifier_problem(name, DATABASE_LENGTH, "its snapshots are called <database>_snapshot_v<n>")


def role_problem(name: str) -> str | None:
    """Why `name` can't be an application's role, or None."""
    return _identifier_problem(name, ROLE_LENGTH, "its owner is called <role>_owner")


def _identifier_problem(name: str, limit: int, why: str) -> str | None:
    if name in _RESERVED or _RESERVED_SHAPE.fullmatch(name):
        return f"no reserved name (postgres, template1, pg_*, pr_<n>, names ending in {_RESERVED_ROLE_ENDINGS})"
    if not _IDENTIFIER.fullmatch(name):
        return "lower-case letters, digits and underscores, beginning with a letter"
    if len(name.encode()) > limit:
        return f"at most {limit} bytes, because {why} and PostgreSQL cuts names after {IDENTIFIER_BYTES}"
    return None
