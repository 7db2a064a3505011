"""What all settings have in common: the model, and the kinds of value that YAML has no word for."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from components import names
from stacks import cron


class Model(BaseModel):
    """What all settings have in common."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=False, hide_input_in_errors=True
    )


def _milliseconds(value: object) -> object:
    units = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}
    found = re.fullmatch(r"(\d+)(ms|s|min|h)", str(value))
    if not found:
        raise ValueError("a whole number with its unit: 500ms, 30s, 5min, 1h; 0s for no limit")
    return int(found.group(1)) * units[found.group(2)]


def _days(value: object) -> object:
    found = re.fullmatch(r"(\d+)d", str(value))
    if not found:
        raise ValueError("a whole number of days: 7d")
    return int(found.group(1))


def _size(value: object) -> object:
    if not re.fullmatch(r"\d+(\.\d+)?(Mi|Gi|Ti)", str(value)):
        raise ValueError("a size with its unit: 512Mi, 20Gi, 1Ti")
    return str(value)


def _schedule(value: object) -> object:
    if value and (wrong := cron.problem(str(value), 5)):
        raise ValueError(f"five fields, minute hour day month weekday ({wrong})")
    return value


def _text(value: object) -> object:
    # YAML reads an unquoted true or 8080 as what it is; an environment variable is always text.
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _checked(problem: object, value: object) -> object:
    reason = problem(value) if callable(problem) and isinstance(value, str) else None
    if reason:
        raise ValueError(reason)
    return value


Milliseconds = Annotated[
    int, BeforeValidator(_milliseconds), PlainSerializer(lambda value: f"{value}ms", when_used="json")
]
Days = Annotated[int, BeforeValidator(_days)]
Size = Annotated[str, BeforeValidator(_size)]
Schedule = Annotated[str, BeforeValidator(_schedule)]
"""Of a Kubernetes CronJob: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax."""
Text = Annotated[str, BeforeValidator(_text)]
Port = Annotated[int, Field(ge=1, le=65535)]
DatabaseName = Annotated[str, BeforeValidator(lambda value: _checked(names.database_problem, value))]
RoleName = Annotated[str, BeforeValidator(lambda value: _checked(names.role_problem, value))]
ApplicationName = Annotated[str, BeforeValidator(lambda value: _checked(names.application_problem, value))]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
DnsLabel = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""A name of Kubernetes: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names."""
Quantity = Annotated[str, Field(pattern=r"^\d+(\.\d+)?(m|Ki|Mi|Gi|Ti)?$")]
