"""What becomes of the record of an application that goes, comes again, or changes hands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stacks.loader import parse
from stacks.settings import EnvironmentSettings
from tools import kept
from tools.errors import ToolError

URN = "urn:pulumi:local::socle::"
COMPONENT = f"{URN}socle:postgres:AppDatabase::docspell"


def exported(*, retain: bool) -> dict[str, Any]:
    return {
        "deployment": {
            "resources": [
                {"urn": f"{URN}pulumi:providers:postgresql::server", "id": "new",
                 "type": "pulumi:providers:postgresql"},
                {"urn": COMPONENT, "type": "socle:postgres:AppDatabase"},
                {"urn": f"{URN}random:index/randomBytes:RandomBytes::docspell",
                 "type": "random:index/randomBytes:RandomBytes"},
                {"urn": f"{URN}x$postgresql:index/database:Database::docspell", "parent": COMPONENT,
                 "type": "postgresql:index/database:Database", "inputs": {"name": "docspell"}, "retainOnDelete": retain,
                 "provider": f"{URN}pulumi:providers:postgresql::server::old"},
                {"urn": f"{URN}socle:postgres:AppDatabase::other", "type": "socle:postgres:AppDatabase"},
            ]
        }
    }  # fmt: skip


def settings(management: str) -> EnvironmentSettings:
    raw = {
        "environment": {"kind": "local"},
        "server": {"type": "embedded", "management": management},
        "apps": {"docspell": {}},
    }
    read = parse(raw, "test", "local")
    assert isinstance(read, EnvironmentSettings)
    return read


def test_only_what_stays_on_the_server_is_kept() -> None:
    assert kept.applications(exported(retain=True)) == {"docspell": "docspell"}
    assert kept.applications(exported(retain=False)) == {}


def test_a_record_comes_back_once_and_on_the_provider_of_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCLE_HOME", str(tmp_path))
    before = exported(retain=True)
    kept.put_aside(before, "local", "docspell")
    after = exported(retain=True)
    after["deployment"]["resources"] = [
        one for one in after["deployment"]["resources"] if not one["urn"].endswith("::docspell")
    ]
    assert kept.put_back(after, "local", ["docspell", "other"]) == ["docspell"]
    back = [one for one in after["deployment"]["resources"] if one["urn"].endswith("::docspell")]
    assert len(back) == 3
    assert back[-1]["provider"].endswith("::new")
    assert kept.put_back(after, "local", ["docspell"]) == []


def test_plan_does_not_take_over_what_the_state_says_to_drop() -> None:
    with pytest.raises(ToolError, match="docspell"):
        kept.require_safe(exported(retain=False), settings("plan"))
    kept.require_safe(exported(retain=True), settings("plan"))
    kept.require_safe(exported(retain=False), settings("resources"))
