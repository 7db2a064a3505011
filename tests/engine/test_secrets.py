"""No generated password lies in clear in the state, in a log, or in what a command prints."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.engine.checkout import Checkout
from tools.passwords import generated

MEANT_FOR_THEM = ("env", "services")
"""Folders of files (0600) whose purpose is to hold a credential: the applications' own, and FerretDB's unit."""


def _meant_for_them(file: Path) -> bool:
    return file.name == "admin.password" or any(part in MEANT_FOR_THEM for part in file.parts)


def every_file(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and "venv" not in path.relative_to(home).parts]


def test_passwords_are_nowhere_but_where_they_belong(local: Checkout) -> None:
    said = local.run("pr", "9", "--apps", "city-api,penpal,meetinity-user-service").said + local.run("status").said
    said += local.pulumi("preview", "-s", "local", "--diff").said + local.pulumi("stack", "output", "-s", "local").said
    secrets: set[str] = set()
    for stack in ("local", "pr-9"):
        exported = local.pulumi("stack", "export", "-s", stack, "--show-secrets").out
        secrets |= generated(json.loads(exported))
    secrets |= {local.server(name).admin_password for name in ("main", "test", "cache")}
    assert len(secrets) > 20, "or the scan looks for nothing"
    assert not [secret for secret in secrets if secret in said]

    homes = [local.home, *(Path(local.home / "servers").glob("*/log")), Path(local.server().ca_file).parent]
    files = [file for home in homes for file in every_file(home.resolve())]
    assert any(file.suffix == ".log" or "log" in file.parts for file in files), "or no log was read"
    found = []
    for file in files:
        text = file.read_bytes()
        if any(secret.encode() in text for secret in secrets):
            found.append(file)
    misplaced = [file for file in found if not _meant_for_them(file) or stat.S_IMODE(file.stat().st_mode) & 0o077]
    assert len(found) > 5, "or the scan can't find what is there"
    assert misplaced == []
    local.run("pr-down", "9")
