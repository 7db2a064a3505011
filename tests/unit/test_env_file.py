"""Environment files that come and go at once, as the engine asks for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tools.plugins.resource import State
from tools.plugins.socle.env_file import EnvFile


def test_files_of_one_folder_made_and_removed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCLE_HOME", str(tmp_path))
    kind = EnvFile()

    def come_and_go(number: int) -> None:
        inputs = {"path": f"env/pr-1/{number}.env", "content": "A=1\n"}
        for _ in range(60):
            path, outputs = kind.create(inputs, preview=False)
            kind.delete(State(id=path, inputs=inputs, outputs=outputs))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert not (tmp_path / "env" / "pr-1").exists()
