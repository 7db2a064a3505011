"""`make destroy`: nothing of the environment is left."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.engine import checkout


def test_nothing_is_left(tmp_path: Path) -> None:
    made = checkout.make(tmp_path, "city-api", "penpal", "meetinity-user-service")
    try:
        made.run("up")
        made.run("pr", "3", "--apps", "city-api,penpal,meetinity-user-service")
        data = (made.home / "servers" / "main" / "data").resolve()
        assert data.exists()
        said = made.run("destroy", "--yes").said
        assert "pr-3" in said
        assert not data.exists()
        assert [path.name for path in made.home.iterdir() if path.name in ("servers", "services", "env")] in (
            [],
            ["env"],
        )
        assert not list(made.home.glob("env/*/*"))
        assert made.pulumi("stack", "ls").out.split()[-1:] != ["pr-3"]
        running = [one for one in psutil.process_iter(["cmdline"]) if str(data) in " ".join(one.info["cmdline"] or [])]
        assert running == []
    finally:
        made.destroy()


def test_it_asks_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = checkout.make(tmp_path, "city-api")
    done = made.run("destroy", expect=None)
    assert done.code != 0
    assert "Remove local" in done.said
