"""No generated password lies in clear in the state, in a log, or in what a command prints."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.engine.checkout import Checkout
from tools.passwords import generated

MEANT_FOR_THEM = ("env", "services", "passphrase")
"""Folders of files (0600) whose purpose is to hold a credential: the applications' own, and FerretDB's unit."""


def every_file(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and "venv" not in path.relative_to(home).parts]


def test_passwords_are_nowhere_but_where_they_belong(local: Checkout) -> None:
    said = local.run("pr", "9", "--apps", "city-api,penpal,meetinity-user-service").said + local.run("status").said
    said += local.pulumi("preview", "-s", "local", "--diff").said + local.pulumi("stack", "output", "-s", "local").said
    secrets: set[str] = set()
    for stack in ("local", "pr-9"):
        exported = local.pulumi("stack", "export", "-s", stack, "--show-secrets").out
        secrets |= generated(json.loads(exported))
    assert len(secrets) > 20, "or the scan looks for nothing"
    assert not [secret for secret in secrets if secret in said]

    homes = [local.home, *(Path(local.home / "servers").glob("*/log")), Path(local.server().ca_file).parent]
    files = [file for home in homes for file in every_file(home.resolve())]
    assert any(file.suffix == ".log" or "log" in file.parts for file in files), "or no log was read"
    found = []
    for file in files:
        if any(part in MEANT_FOR_THEM for part in file.parts) or file.name == "admin.password":
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
            continue
        text = file.read_bytes()
        found += [file for secret in secrets if secret.encode() in text]
    assert found == []
