"""A resource type of the stand-in: the bridge's rules around a few SQL methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tools.plugins.postgresql import properties as bridge
from tools.plugins.postgresql.connection import Server
from tools.plugins.resource import CheckFailure, DiffResult, Naming, PluginError, State
from tools.plugins.values import UNKNOWN, Properties


@dataclass(frozen=True)
class Desired:
    """What an operation works on: `new` are the values to reach, `old` those of before; missing values are zeros."""

    old: Properties
    new: Properties

    def __getitem__(self, name: str) -> Any:
        return self.new[name]

    def changed(self, name: str) -> bool:
        """Whether `name` changes."""
        return bool(self.old[name] != self.new[name])


class Bridged:
    """The base of the resource types. A subclass has a `schema` and says in SQL what make, alter, look and drop mean.

    What `make`, `alter` and `look` return are the outputs that the server knows better than the inputs.
    """

    schema: ClassVar[bridge.Schema]
    delete_before_replace: ClassVar[bool] = False
    """Replace by deleting first even where no name forces it."""

    def __init__(self, server: Server) -> None:
        self.server = server

    # What a subclass says

    def identify(self, values: Properties) -> str:
        """The resource's id."""
        raise NotImplementedError

    def named(self, resource_id: str) -> Properties:  # noqa: ARG002
        """The values that an id tells, for an import."""
        raise PluginError("a resource of this type can't be imported")

    def make(self, desired: Desired) -> Properties:
        """Create the resource."""
        raise NotImplementedError

    def alter(self, desired: Desired) -> Properties:
        """Change the resource in place."""
        raise NotImplementedError

    def look(self, values: Properties) -> Properties | None:
        """What the server says of the resource, None if it is gone."""
        raise NotImplementedError

    def drop(self, values: Properties) -> None:
        """Delete the resource."""
        raise NotImplementedError

    # What the engine asks

    @property
    def secret_outputs(self) -> frozenset[str]:
        """The schema's secret properties."""
        return frozenset(prop.name for prop in self.schema if prop.secret)

    def check(self, olds: Properties, news: Properties, naming: Naming) -> tuple[Properties, list[CheckFailure]]:
        """The inputs with their defaults."""
        inputs = bridge.given(self.schema, news)
        faults = bridge.failures(self.schema, inputs)
        try:
            return bridge.with_defaults(self.schema, olds, inputs, naming), faults
        except ValueError as error:
            return inputs, [*faults, CheckFailure("name", str(error))]

    def diff(self, prior: State, news: Properties) -> DiffResult:
        """The changes against the outputs, so that a change on the server shows after a refresh."""
        changes = bridge.changes(self.schema, prior.outputs, news)
        replaces = any(change.replaces for change in changes.values())
        fixed = (prop.name for prop in self.schema if prop.force_new)
        return DiffResult(
            changes=changes,
            delete_before_replace=replaces and (self.delete_before_replace or bridge.deletes_first(self.schema, news)),
            stables=tuple(sorted(name for name in fixed if name not in changes)),
        )

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Create the resource and read it back."""
        after = bridge.wanted(self.schema, {}, inputs)
        if preview:
            return "", after
        values = self._normal(after, inputs)
        facts = self.server.persistently(lambda: self.make(Desired(self._normal({}, {}), values)))
        return self._result({}, after, facts)

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        """Change the resource and read it back."""
        after = bridge.wanted(self.schema, prior.outputs, news)
        if preview:
            return after
        desired = Desired(self._normal(prior.outputs, prior.inputs), self._normal(after, news))
        facts = self.server.persistently(lambda: self.alter(desired))
        return self._result(prior.outputs, after, facts)[1]

    def read(self, prior: State) -> State | None:
        """The resource as the server has it."""
        importing = not prior.outputs
        # After a rename the engine still has the old id, and the outputs the new one.
        resource_id = str(prior.outputs.get("id") or prior.id)
        before = dict(prior.outputs) if not importing else self._defaults() | self.named(resource_id)
        facts = self.look(self._normal(before, prior.inputs))
        if facts is None:
            return None
        after = before | facts
        found = self.identify(self._normal(after, {}))
        inputs = (
            bridge.imported_inputs(self.schema, after)
            if importing
            else bridge.refreshed_inputs(self.schema, prior.inputs, after)
        )
        return State(id=found, inputs=inputs, outputs=bridge.outputs(self.schema, found, after))

    def delete(self, prior: State) -> None:
        """Delete the resource."""
        values = self._normal(prior.outputs, prior.inputs)
        self.server.persistently(lambda: self.drop(values))

    def _result(self, before: Properties, after: Properties, facts: Properties) -> tuple[str, Properties]:
        values = {name: None if value is UNKNOWN else value for name, value in after.items()} | facts
        made = self.identify(self._normal(values, {}))
        return made, bridge.outputs(self.schema, made, bridge.settled(self.schema, before, values))

    def _normal(self, values: Properties, inputs: Properties) -> Properties:
        """Each property in its one form. What is write-only is in the inputs alone."""
        sources = {prop.name: (inputs if prop.write_only else values).get(prop.name) for prop in self.schema}
        return {
            prop.name: prop.normal(None if sources[prop.name] is UNKNOWN else sources[prop.name])
            for prop in self.schema
        }

    def _defaults(self) -> Properties:
        return {prop.name: prop.default for prop in self.schema if prop.default is not None}
