"""Who runs the servers, and where their files lie so that this user can reach them.

PostgreSQL refuses to run as root. A user who is not root runs the servers under their own name and everything lies in
`.socle`. Root runs them as an existing unprivileged account, for which neither `.socle` nor `~/.cache` can be the
place: a checkout below /root can't even be traversed, `.socle` holds state and passwords that the server has no
business reaching, and a place chosen by today's permissions would seem empty after the next chmod. So root's
servers always lie below /var/lib/socle/<hash of the checkout's .socle>, and their binaries below /var/cache/socle
where `~/.cache` can't be traversed.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from tools import paths
from tools.errors import ToolError

SYSTEM_DATA = Path(os.environ.get("SOCLE_SYSTEM_DATA") or "/var/lib/socle")
"""Where root's servers keep their data; the tests choose another place."""
SYSTEM_CACHE = Path("/var/cache/socle")
CANDIDATES = ("postgres", "nobody")
"""Accounts that root may run servers as, the first that exists; both are there to own nothing else."""


class RunAs(TypedDict, total=False):
    """Arguments that make `subprocess` run a child as the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """The user a server runs as."""

    name: str
    uid: int
    gid: int

    @property
    def switches(self) -> bool:
        """Whether it is another user than the one who runs this program."""
        return self.uid != os.geteuid()

    def run_as(self) -> RunAs:
        return RunAs(user=self.uid, group=self.gid, extra_groups=[]) if self.switches else RunAs()

    def own(self, path: Path) -> Path:
        """Give `path` to the account."""
        if self.switches:
            os.chown(path, self.uid, self.gid)
        return path

    def own_tree(self, path: Path) -> Path:
        """Give `path` and everything below it to the account, links themselves and not what they point to."""
        if self.switches:
            for found in [path, *path.rglob("*")]:
                os.chown(found, self.uid, self.gid, follow_symlinks=False)
        return path


def server_account() -> Account:
    """The account servers run as: the caller's own, or for root another one.

    Raises ToolError where root has no account to give the servers to.
    """
    if os.geteuid() != 0:
        uid, gid = os.geteuid(), os.getegid()
        return Account(str(uid), uid, gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise ToolError(
        f"PostgreSQL can't run as root, and none of the accounts {', '.join(CANDIDATES)} exists.",
        "useradd --system postgres   (or run make as an ordinary user)",
    )


def can_reach(account: Account, directory: Path) -> bool:
    """Whether the account may enter `directory`, tried by entering it: ACLs and mounts count as well as modes."""
    if not account.switches:
        return True
    tried = subprocess.run(["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)], **account.run_as(), cwd="/", check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    return tried.returncode == 0


def binaries_root(account: Account) -> Path:
    """Where the servers' programs are kept: the shared cache, or /var/cache/socle if the account can't reach that."""
    cache = paths.cache()
    cache.mkdir(parents=True, exist_ok=True)
    if can_reach(account, cache):
        return cache
    SYSTEM_CACHE.mkdir(parents=True, exist_ok=True)
    SYSTEM_CACHE.chmod(0o755)
    return SYSTEM_CACHE


def place(home: Path, name: str, account: Account) -> Path:
    """The folder that holds the data and logs of the server `name`; only computed, not made.

    `home` is the checkout's generated folder. The same home gives the same place for as long as it is not moved.
    """
    if not account.switches:
        return home.resolve() / "servers" / name
    digest = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]
    return SYSTEM_DATA / digest / name


def make_place(home: Path, name: str, account: Account) -> Path:
    """Make the server's folder, the account's alone (0700), its parents traversable, and return it.

    Raises ToolError where the server's data were made by another user: two servers would otherwise share a name.
    """
    where = place(home, name, account)
    described = home / "servers" / name
    paths.private_dir(described)
    _refuse_other_owner(described / "data", where / "data")
    if where != described.resolve():
        for parent in (SYSTEM_DATA, where.parent):
            parent.mkdir(parents=True, exist_ok=True)
            parent.chmod(0o711)
        # For the person who finds this folder after the checkout was moved or deleted.
        (where.parent / "home").write_text(f"{home.resolve()}\n", encoding="utf-8")
        where.mkdir(exist_ok=True)
        account.own(where)
        _link(described / "data", where / "data")
        _link(described / "log", where / "log")
    where.chmod(0o700)
    return where


def remove_place(home: Path, name: str, account: Account) -> None:
    """Delete the server's folder and, with the last of a home, the home's folder below /var/lib/socle."""
    where = place(home, name, account)
    shutil.rmtree(where, ignore_errors=True)
    shutil.rmtree(home / "servers" / name, ignore_errors=True)
    if SYSTEM_DATA in where.parents and where.parent.exists() and not any(d.is_dir() for d in where.parent.iterdir()):
        shutil.rmtree(where.parent, ignore_errors=True)


def _refuse_other_owner(seen: Path, expected: Path) -> None:
    """`seen` is what a person finds in `.socle`: the data themselves, or root's link to them."""
    actual = seen.readlink() if seen.is_symlink() else seen
    if actual == expected or not (seen.is_symlink() or seen.exists()):
        return
    owner = "root" if seen.is_symlink() else seen.owner()
    if not seen.is_symlink() and actual.resolve() == expected.resolve():
        return
    if seen.is_symlink() and os.geteuid() == 0:
        return  # The checkout was moved: the link is made anew, the old data stay where they are.
    raise ToolError(
        f"The server's data, {actual}, were made by {owner}; you are another user.",
        f"Run the command as {owner}, or `make destroy` as {owner} and start afresh.",
    )


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)
