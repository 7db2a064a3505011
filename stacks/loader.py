"""The only reader of pulumi.Config: turns the stack's configuration into typed settings, or says all that is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, TypeVar

import pulumi
from pydantic import BaseModel, ValidationError

from components import names
from stacks import checks
from stacks.problems import Problem, SettingsError, from_validation
from stacks.settings import EnvironmentSettings, PullRequestSettings

NAMESPACE = "socle:"
M = TypeVar("M", bound=BaseModel)


def parse(raw: Mapping[str, Any], source: str, stack: str) -> EnvironmentSettings | PullRequestSettings:
    """The settings in `raw`, the keys below `socle:` of the file `source`, for the stack called `stack`.

    Raises SettingsError with every problem of the file at once.
    """
    if names.pull_request_number(stack) is not None or "pullRequest" in raw:
        settings = _validated(PullRequestSettings, raw, source)
        if problem := _number_problem(settings.pull_request.number, stack):
            raise SettingsError(source, [problem])
        return settings
    found: list[Problem] = []
    environment: EnvironmentSettings | None
    try:
        environment = EnvironmentSettings.model_validate(dict(raw))
    except ValidationError as error:
        found = from_validation(error, EnvironmentSettings)
        # The keys that can be read may still contradict each other, and the reader wants to know it in the same run.
        environment = _readable(raw, error)
    found += checks.problems(environment) if environment else []
    if found or not environment:
        raise SettingsError(source, found)
    return environment


def load() -> EnvironmentSettings | PullRequestSettings:
    """The settings of the running stack. Raises SettingsError."""
    stack = pulumi.get_stack()
    config = pulumi.Config()
    raw = {key: _value(config.require(key)) for key in _keys()}
    return parse(raw, f"Pulumi.{stack}.yaml", stack)


def _keys() -> list[str]:
    # pulumi.Config can't list its keys, and a misspelt one must not pass unseen.
    every = pulumi.runtime.config.get_config_env()
    return sorted(key.removeprefix(NAMESPACE) for key in every if key.startswith(NAMESPACE))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _validated(model: type[M], raw: Mapping[str, Any], source: str) -> M:
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        raise SettingsError(source, from_validation(error, model)) from None


def _readable(raw: Mapping[str, Any], error: ValidationError) -> EnvironmentSettings | None:
    """The settings without the nodes that `error` names, or None where they can't be read without them."""
    rest = copy.deepcopy(dict(raw))
    for details in error.errors():
        _remove(rest, [part for part in details["loc"] if part != "[key]"])
    try:
        return EnvironmentSettings.model_validate(rest)
    except ValidationError:
        return None


def _remove(node: Any, location: list[Any]) -> None:
    for part in location[:-1]:
        if (isinstance(node, dict) and part in node) or (
            isinstance(node, list) and isinstance(part, int) and part < len(node)
        ):
            node = node[part]
        # Anything else is the tag of a union, which the file doesn't have.
    if isinstance(node, dict) and location:
        node.pop(location[-1], None)


def _number_problem(number: int, stack: str) -> Problem | None:
    if names.pull_request_number(stack) == number:
        return None
    return Problem(
        path="socle:pullRequest.number",
        found=f"{number}, in a stack called {stack}",
        allowed=f"the number in the stack's name, {names.pull_request_stack(number)} for this one",
        write=f"number: {names.pull_request_number(stack) or number}",
    )
