"""What a login and a branch may take at most. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one role may use at most."""

    connections: int
    """Open connections of the role, on the whole server."""
    statement_timeout_ms: int
    idle_in_transaction_timeout_ms: int


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """How long a branch lives, for the sweep."""

    days: int
    """After the last push."""
    idle_days: int | None = None
    """Without a session; None is without limit."""


@dataclass(frozen=True, kw_only=True)
class BranchQuota:
    """How many branches there may be on the server; None is without limit."""

    per_application: int | None = None
    total: int | None = None
