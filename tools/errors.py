"""The one exception that ends a command with a message instead of a traceback."""

from __future__ import annotations


class ToolError(Exception):
    """Something the user can mend: `message` says what was found, `remedy` the command or line that mends it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}" if self.remedy else self.message
