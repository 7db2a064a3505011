"""From settings to a stack: which kind of environment this is, and who composes it."""

from __future__ import annotations

import os
from pathlib import Path

import pulumi

from stacks.local import LocalStack
from stacks.pull_request import PullRequestStack
from stacks.settings import EnvironmentSettings, PullRequestSettings


def compose(settings: EnvironmentSettings | PullRequestSettings) -> None:
    """Make what `settings` describe. Raises RunError, with nothing made, where that kind is not built yet."""
    stack = pulumi.get_stack()
    if isinstance(settings, PullRequestSettings):
        PullRequestStack(settings.pull_request).compose()
    elif settings.environment.kind == "local":
        LocalStack(settings, stack, home()).compose()
    else:
        raise pulumi.RunError(
            f"socle:environment.kind: {settings.environment.kind} is not built yet; the settings of {stack} are valid, "
            "and nothing was created."
        )


def home() -> Path:
    """The folder of what this checkout generates, as `tools/` keeps it."""
    return Path(os.environ.get("SOCLE_HOME") or Path(__file__).resolve().parent.parent / ".socle")
