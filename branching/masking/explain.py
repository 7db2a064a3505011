"""Proposes a rules file for a live database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from branching import source
from branching.connection import Server, connect
from branching.masking import profile, proposals, rules_file, rules_writer
from branching.masking.proposals import Proposal
from branching.masking.rules import Rules
from branching.relations import Exclusions


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A rules file that classifies every column of a database."""

    database: str
    proposed: Mapping[str, tuple[Proposal, ...]]
    """By `schema.table`; a proposal without a reason is what the file has already."""
    text: str
    """As a rules file."""

    @property
    def new(self) -> int:
        """How many columns had no rule."""
        return sum(1 for columns in self.proposed.values() for one in columns if one.reason)


def explain(server: Server, database: str, file: Path, owner: str = "") -> Explanation:
    """Propose a rule for each column that `file`, which need not exist, doesn't classify.

    Args:
        server: with a role that may read the rows, or become one that may.
        database: the live one.
        file: the rules there are.
        owner: a role to read as; empty reads as the session's own.

    Raises:
        RulesError: the file can't be read.
        ServerRefusedError: the rows can't be read.
    """
    content = file.read_text(encoding="utf-8") if file.exists() else ""
    there = rules_file.parse(content, str(file)) if content else Rules(path=str(file), tables={}, lines={})
    with connect(server, database) as connection:
        tables = source.read(connection, owner, Exclusions(schemas=there.excluded)).tables
        try:
            with connection.transaction():
                source.become(connection, owner)
                profiles = profile.profiles(connection, tables)
        except psycopg.errors.InsufficientPrivilege as error:
            raise source.unreadable(connection, owner, error) from None
    proposed = proposals.propose(tables, profiles, there)
    return Explanation(database=database, proposed=proposed, text=rules_writer.added(content, proposed))
