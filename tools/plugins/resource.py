"""What a resource type of a plugin is: the records and the one Protocol that the servicer speaks to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from tools.plugins.values import Properties


class PluginError(Exception):
    """An operation that failed, in one sentence for the user. What the engine marked secret is cut out of it."""


class InitializationError(PluginError):
    """The resource exists but is not in order: the engine keeps its state and tries again at the next update."""

    def __init__(self, message: str, state: State) -> None:
        super().__init__(message)
        self.state = state


class NamingMode(Enum):
    """What a provider may do about a resource without a name (`pulumi:autonaming` in the stack's settings)."""

    PROVIDER = "provider"
    PROPOSE = "propose"
    ENFORCE = "enforce"
    DISABLE = "disable"


@dataclass(frozen=True, kw_only=True)
class Naming:
    """What an automatic name is made from.

    `resource` is the name in the program, `seed` makes the random part the same in preview and update, `proposed` is
    the engine's own proposal where the stack's settings ask for one.
    """

    resource: str
    seed: bytes = b""
    mode: NamingMode = NamingMode.PROVIDER
    proposed: str = ""


@dataclass(frozen=True)
class CheckFailure:
    """An input that can't be right. `property` is empty for a fault of several together."""

    property: str
    reason: str


class Change(Enum):
    """How one property changes; the numbers are `PropertyDiff.Kind` of provider.proto."""

    ADD = 0
    ADD_REPLACE = 1
    DELETE = 2
    DELETE_REPLACE = 3
    UPDATE = 4
    UPDATE_REPLACE = 5

    @property
    def replaces(self) -> bool:
        """Whether the resource has to be made anew for it."""
        return self in {Change.ADD_REPLACE, Change.DELETE_REPLACE, Change.UPDATE_REPLACE}

    def replacing(self) -> Change:
        """The same change, for a property that can't change in place."""
        return self if self.replaces else Change(self.value + 1)


@dataclass(frozen=True, kw_only=True)
class DiffResult:
    """What would change. No entry in `changes`: nothing. `stables` are properties that no update can change."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    delete_before_replace: bool = False
    stables: tuple[str, ...] = ()

    @property
    def replaces(self) -> tuple[str, ...]:
        """The properties that force a replacement, sorted."""
        return tuple(sorted(name for name, change in self.changes.items() if change.replaces))


_listener: ContextVar[Callable[[str], None]] = ContextVar("listener")


def tell(message: str) -> None:
    """Show the user a message beside the resource that is at work, in a preview too."""
    _listener.get(lambda _: None)(message)


@contextmanager
def heard_by(listener: Callable[[str], None]) -> Iterator[None]:
    """Have `listener` called with what resources tell in this thread."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@dataclass(frozen=True, kw_only=True)
class State:
    """A resource as the engine keeps it: its id, the inputs it was made from, and what it turned out to be."""

    id: str
    inputs: Properties
    outputs: Properties


class ResourceType(Protocol):
    """One resource type. Properties come and go as plain values: the servicer keeps track of what is secret.

    An output is secret when it is in `secret_outputs` or when the input of the same name is. Methods run in several
    threads at once, on different resources. Any of them may raise `PluginError`.
    """

    @property
    def secret_outputs(self) -> frozenset[str]:
        """The properties that are always secret, as inputs too."""

    def check(self, olds: Properties, news: Properties, naming: Naming) -> tuple[Properties, list[CheckFailure]]:
        """`news` with the defaults filled in, and what is wrong with it. `olds` are the inputs of last time, or empty.

        Values may be `UNKNOWN`. Must not reach anything outside.
        """

    def diff(self, prior: State, news: Properties) -> DiffResult:
        """What `news` would change. Values in it may be `UNKNOWN`. Must not reach anything outside."""

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Make the resource, and return its id and outputs.

        In a preview, touch nothing, return an empty id, and give `UNKNOWN` for what only a creation can tell.
        """

    def read(self, prior: State) -> State | None:
        """The resource as it is now, None if it is gone. Without inputs and outputs it is an import by id."""

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        """Change the resource in place, and return its outputs; in a preview, touch nothing."""

    def delete(self, prior: State) -> None:
        """Delete the resource."""
