"""When branches were last used. The server counts sessions but keeps no time: each look remembers the count it saw."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from branching import branch_state, inventory
from branching.connection import Connection
from branching.metadata import BranchMetadata, Metadata, now


@dataclass(frozen=True, kw_only=True)
class Use:
    """Of one database."""

    sessions: int
    """That it has had since its statistics began."""
    connected: int
    """That it has now."""


def uses(connection: Connection) -> Mapping[str, Use]:
    """The use of every branch that is there, in one query."""
    rows = connection.execute(
        """SELECT d.datname, coalesce(s.sessions, 0), coalesce(s.numbackends, 0)
           FROM pg_database d LEFT JOIN pg_stat_database s ON s.datid = d.oid WHERE d.datname ~ '^pr_[1-9]'"""
    ).fetchall()
    return {
        str(name): Use(sessions=int(str(sessions)), connected=int(str(connected))) for name, sessions, connected in rows
    }


def observe(connection: Connection) -> None:
    """Remember with each branch of the session's role that it was used, where it was since the last look."""
    found = uses(connection)
    for branch in inventory.survey(connection, sizes=False).branches:
        made, use = branch.metadata, found.get(branch.name)
        if made is None or use is None or branch.owner != connection.info.user or not branch.ready:
            continue
        if use.connected or use.sessions != made.sessions:
            branch_state.amend(connection, branch.name, functools.partial(_seen, use))


def _seen(use: Use, made: Metadata) -> Metadata:
    return replace(made, sessions=use.sessions, active_at=now()) if isinstance(made, BranchMetadata) else made
