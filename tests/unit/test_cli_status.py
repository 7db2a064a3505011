"""The status that a command ends with: make and CI go by it."""

from __future__ import annotations

import sys

import pytest
import typer

from tools import cli
from tools.errors import ToolError


@pytest.mark.parametrize(
    ("raised", "status"),
    [(typer.Exit(3), 3), (typer.Exit(0), 0), (None, 0), (ToolError("no"), 1), (KeyboardInterrupt(), 130)],
)
def test_a_commands_status_is_the_programs(
    monkeypatch: pytest.MonkeyPatch, raised: BaseException | None, status: int
) -> None:
    def show() -> None:
        if raised is not None:
            raise raised

    monkeypatch.setattr("tools.commands.status.show", show)
    monkeypatch.setattr(sys, "argv", ["socle", "status"])
    assert cli.main() == status
