"""`sweep`: removes what no open pull request needs, Pulumi's stacks included."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from branching import cli_output
from branching import sweep as sweeping
from branching.errors import BranchingError
from branching.pull_requests import FromFile, FromGitHub, PullRequests
from branching.sweep_plan import Bounds
from tools import servers, settings_file
from tools.commands import environment
from tools.errors import ToolError

console = Console(highlight=False)
GITHUB = "https://api.github.com"


def sweep(env: str, *, open_file: str, github: str, bounds: Bounds, apply: bool) -> None:
    """Show the plan, or do it. Raises ToolError, SettingsError."""
    forge = _forge(open_file, github)
    settings = settings_file.environment(env)
    engine = environment.ready_engine()
    if env not in engine.stacks():
        raise ToolError(f"The environment {env} was never brought up", "make up")
    servers.prepare(settings, engine, env)
    brancher = servers.brancher(settings, engine, env)
    stacks = [name for name in engine.stacks() if _copies_from(name, env)]
    try:
        planned = sweeping.look(brancher, forge, bounds, stacks)
        report = None
        if apply:
            report = sweeping.apply(brancher, planned, forge, lambda stack: environment.remove_stack(engine, stack))
    except BranchingError as error:
        raise ToolError(error.message, error.remedy) from None
    for line in cli_output.sweep_lines(planned, report):
        console.print(line)


def _forge(open_file: str, github: str) -> PullRequests:
    if bool(open_file) == bool(github):
        message = "A sweep needs to know which pull requests are open"
        raise ToolError(message, "make sweep GITHUB=owner/name, or OPEN=file")
    if open_file:
        return FromFile(Path(open_file))
    url = os.environ.get("GITHUB_API_URL", GITHUB)
    return FromGitHub(repository=github, token=os.environ.get("GITHUB_TOKEN", ""), url=url)


def _copies_from(stack: str, env: str) -> bool:
    settings = settings_file.pull_request(stack)
    return settings is not None and settings.pull_request.base == env
