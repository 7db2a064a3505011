"""What Socle's resource types share: inputs taken as they are, compared one by one."""

from __future__ import annotations

from collections.abc import Mapping

from tools.plugins.resource import Change, CheckFailure, DiffResult, Naming, State
from tools.plugins.values import Properties


class Plain:
    """A resource type without defaults, whose inputs either change in place or, where listed, replace it."""

    replacing: frozenset[str] = frozenset()
    """Inputs that can't change in place."""
    secrets: frozenset[str] = frozenset()

    @property
    def secret_outputs(self) -> frozenset[str]:
        """The properties that are always secret."""
        return self.secrets

    def check(self, olds: Properties, news: Properties, naming: Naming) -> tuple[Properties, list[CheckFailure]]:
        """Nothing to add: the component has given everything."""
        del olds, naming
        return dict(news), []

    def diff(self, prior: State, news: Properties) -> DiffResult:
        """Each input that differs; one that can't change in place replaces the resource, old one first."""
        changes = dict(_changes(prior.inputs, news))
        changes = {name: change.replacing() if name in self.replacing else change for name, change in changes.items()}
        return DiffResult(changes=changes, delete_before_replace=True)


def _changes(olds: Mapping[str, object], news: Mapping[str, object]) -> dict[str, Change]:
    found: dict[str, Change] = {}
    for name in sorted(olds.keys() | news.keys()):
        if name not in olds:
            found[name] = Change.ADD
        elif name not in news:
            found[name] = Change.DELETE
        elif olds[name] != news[name]:
            found[name] = Change.UPDATE
    return found
