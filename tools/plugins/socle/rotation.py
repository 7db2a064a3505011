"""`socle:secrets:Rotation`: how often an application's passwords were rotated, kept in the state and nowhere else."""

from __future__ import annotations

import secrets

from components.secrets.generated import SECRET_BYTES
from tools.plugins.resource import PluginError, State
from tools.plugins.socle.plain import Plain
from tools.plugins.values import UNKNOWN, Properties

OUTPUTS = ("number", "current", "previous")


class Rotation(Plain):
    """Input: `date`, ISO 8601. Each later date counts as one rotation, which makes a new secret.

    The secrets of the last two rotations are kept, the earlier one's as long as a login has its password from it.
    """

    secrets = frozenset({"current", "previous"})

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """The first rotation."""
        if preview:
            return "", inputs | dict.fromkeys(OUTPUTS, UNKNOWN)
        return "rotation", inputs | {"number": 1, "current": _new(), "previous": ""}

    def read(self, prior: State) -> State | None:
        """As it was: it is nowhere but in the state."""
        return prior if prior.outputs else None

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        """One more rotation. Raises PluginError for an earlier date: a date is a rotation, and that one is over."""
        last = prior.inputs["date"]
        if news["date"] < last:
            raise PluginError(
                f"rotation {news['date']} lies before {last}, which was carried out: write {last} back, or for another "
                "rotation a later date"
            )
        if preview:
            return news | dict.fromkeys(OUTPUTS, UNKNOWN)
        before = prior.outputs
        return news | {"number": int(before["number"]) + 1, "current": _new(), "previous": before["current"]}

    def delete(self, prior: State) -> None:
        """Nothing is left of it but in the state."""


def _new() -> str:
    return secrets.token_hex(SECRET_BYTES)
