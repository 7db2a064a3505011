"""Drops branches: sessions or not, half-made or not, there or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from branching import branch_plan as plan
from branching import branch_role, branch_state, inventory, names
from branching.connection import Connection, Server, connect
from branching.inventory import Database

AT_ONCE = 8
"""Sessions that drop databases."""


@dataclass(frozen=True, kw_only=True)
class DropReport:
    """What a call of `drop` did."""

    dropped: tuple[str, ...]
    absent: tuple[str, ...]
    """Names of which no database was there; a role that was left is gone as well."""


def drop(
    server: Server, names_to_drop: Sequence[str], spare: Callable[[Database | None], bool] = lambda _: False
) -> DropReport:
    """Drop the branches and their roles. A database costs the server a checkpoint: give all names at once, since drops
    that wait together share one.

    All of them are closed before the first is dropped, so that nobody comes back in between.

    Args:
        server: with the brancher's name and password.
        names_to_drop: branches' names; each branch's role has its name.
        spare: asked of each, once nobody else can change it, whether to leave it alone after all; told None where there
            is no database of that name.

    Raises:
        NameRefusedError: one isn't a branch's name; nothing was dropped.
        NotOursError: one is a database that Socle didn't make; nothing was dropped.
    """
    wanted = sorted({names.checked_branch(name) for name in names_to_drop})
    with connect(server) as connection, ExitStack() as locks:
        # Sorted, so that two runs with the same names can't each wait for the other.
        for name in wanted:
            locks.enter_context(branch_state.exclusively(connection, name))
        there = {one.name: one for one in inventory.databases(connection) if one.name in wanted}
        wanted = [name for name in wanted if not spare(there.get(name))]
        there = {name: found for name, found in there.items() if name in wanted}
        for found in there.values():
            branch_state.require_ours(found, connection.info.user)
        for found in there.values():
            _close(connection, found)
        _drop_together(server, tuple(there))
        for name in wanted:
            branch_role.drop(connection, name)
    return DropReport(dropped=tuple(there), absent=tuple(name for name in wanted if name not in there))


def _drop_together(server: Server, dropping: Sequence[str]) -> None:
    """Drop the databases by several sessions at once. All were tried when the first failure is raised."""

    def one(name: str) -> None:
        with connect(server) as connection:
            connection.execute(plan.drop_database(name))

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="drop") as pool:
        for done in [pool.submit(one, name) for name in dropping]:
            done.result()


def drop_database(connection: Connection, name: str) -> None:
    """Drop a branch's database and leave its role; the caller has made sure that it is a branch's.

    Raises:
        NotOursError: it isn't.
    """
    found = branch_state.find(connection, name)
    if found is None:
        return
    branch_state.require_ours(found, connection.info.user)
    _close(connection, found)
    connection.execute(plan.drop_database(name))


def _close(connection: Connection, found: inventory.Database) -> None:
    # What an interrupted drop left takes no ALTER, and nobody can connect to it.
    if found.connection_limit != inventory.INTERRUPTED_DROP:
        connection.execute(plan.close(found.name))
