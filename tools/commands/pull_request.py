"""`pr` and `pr-down`: a pull request's stack on this machine."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from branching import tombstones
from branching.connection import Server, connect
from branching.errors import PullRequestClosedError
from branching.metadata import Content
from components import names
from stacks.settings import EnvironmentSettings, PullRequest
from tools import servers, settings_file
from tools.ages import ago
from tools.commands import cluster_pull_request, environment, snapshots
from tools.commands.status import files_of
from tools.engine import Engine
from tools.errors import ToolError

console = Console(stderr=True, highlight=False)
DEFAULT_APPLICATION = "city-api"


def up(
    number: str, *, base: str, apps: str, content: str, reset: bool, reopen: bool, tags: Mapping[str, str] | None = None
) -> None:
    """Make the pull request's copies, or keep those that are there. Raises ToolError, SettingsError.

    `tags` are images' tags by application, where the base environment is on Kubernetes.
    """
    pull = parse_number(number)
    settings = settings_file.environment(base)
    stack = names.pull_request_stack(pull)
    before = settings_file.pull_request(stack)
    then = before.pull_request if before else None
    wanted = _wanted(pull, base, _applications(apps, then, settings), _content(content, then), reset, then)
    if settings.environment.kind == "kubernetes":
        cluster_pull_request.up(_with_tags(wanted, then, tags or {}), settings)
        return
    if tags:
        raise ToolError(f"{base} runs no application, so there is no image to choose", "leave TAG out")
    engine = environment.ready_engine()
    if base not in engine.stacks():
        raise ToolError(f"The environment {base} was never brought up", f"make up{_env(base)}")
    servers.prepare(settings, engine, base)
    admin = servers.administrator(settings, engine, base)
    environment_of = snapshots.Base(env=base, settings=settings, engine=engine, admin=admin)
    brancher = servers.brancher(settings, engine, base)
    _require_open(pull, brancher, reopen=reopen)
    for application in wanted.apps:
        snapshots.ensure(application, environment_of, Content(wanted.content))
    ready = set() if reset else snapshots.ready_branches(environment_of)
    new = {application for application in wanted.apps if wanted.branch(application) not in ready}
    snapshots.require_room(new, environment_of, Content(wanted.content))
    settings_file.write_pull_request(stack, wanted)
    environment.settle_and_up(engine, stack)
    snapshots.renew([wanted.branch(application) for application in wanted.apps], environment_of)
    _summary(engine, stack, kept=not new)
    if settings.pull_requests.warm:
        snapshots.warm_up(wanted.apps, environment_of, brancher)


def down(number: str) -> None:
    """Remove the pull request's copies, roles, files and stack. Nothing to do is no error."""
    stack = names.pull_request_stack(parse_number(number))
    engine = environment.ready_engine()
    if stack not in engine.stacks():
        console.print(f"There is no {stack}: nothing to remove.")
        return
    before = settings_file.pull_request(stack)
    if before:
        base = before.pull_request.base
        settings = settings_file.environment(base)
        if settings.environment.kind == "kubernetes":
            cluster_pull_request.down(stack, base)
            return
        servers.prepare(settings, engine, base)
    environment.remove_stack(engine, stack)
    console.print(f"{stack} is gone: database, role, files, stack.")


def parse_number(number: str) -> int:
    """The pull request's number. Raises ToolError for anything else."""
    if number.isascii() and number.isdigit() and 1 <= int(number) <= names.MAX_PULL_REQUEST:
        return int(number)
    shown = f"“{number}”" if number else "nothing"
    raise ToolError(f"PR is {shown}; it has to be a number from 1 to {names.MAX_PULL_REQUEST}", "make pr PR=123")


def parse_tags(text: str, apps: str) -> dict[str, str]:
    """`sha-1a2b3c4` for every application of `apps`, or `city-api=sha-1a2b3c4,docspell=v1`."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if len(words) == 1 and "=" not in words[0]:
        return {name.strip(): words[0] for name in (apps or DEFAULT_APPLICATION).split(",")}
    if wrong := [word for word in words if "=" not in word]:
        raise ToolError(f"TAG has {wrong[0]}, without an application", f"TAG={DEFAULT_APPLICATION}={wrong[0]}")
    return {name: tag for name, _, tag in (word.partition("=") for word in words)}


def _applications(apps: str, before: PullRequest | None, settings: EnvironmentSettings) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(word.strip() for word in apps.split(",") if word.strip()))
    chosen = asked or (before.apps if before else _default(settings))
    for name in chosen:
        if name not in settings.apps:
            near = difflib.get_close_matches(name, settings.apps, n=1)
            raise ToolError(
                f"APPS names {name}, which is no application of this environment ({', '.join(settings.apps)})",
                f"APPS={near[0] if near else next(iter(settings.apps), '…')}",
            )
    return chosen


def _default(settings: EnvironmentSettings) -> tuple[str, ...]:
    if DEFAULT_APPLICATION in settings.apps:
        return (DEFAULT_APPLICATION,)
    if len(settings.apps) == 1:
        return tuple(settings.apps)
    raise ToolError("APPS says which applications the pull request spans", f"APPS={next(iter(settings.apps), '…')}")


def _require_open(pull: int, brancher: Server, *, reopen: bool) -> None:
    """A sweep leaves a mark for a closed pull request, so that a late run doesn't bring it back."""
    with connect(brancher) as connection:
        if reopen:
            tombstones.reopen(connection, pull)
        try:
            tombstones.require_open(connection, pull)
        except PullRequestClosedError as closed:
            raise ToolError(closed.message, f"if it was opened again: make pr PR={pull} REOPEN=1") from None


def _content(asked: str, before: PullRequest | None) -> str:
    chosen = asked or (before.content if before else Content.MASKED.value)
    if chosen not in set(Content):
        raise ToolError(f"CONTENT is “{asked}”; there is {', '.join(Content)}", "CONTENT=synthetic")
    return chosen


def _wanted(
    number: int, base: str, apps: tuple[str, ...], content: str, reset: bool, before: PullRequest | None
) -> PullRequest:
    if before and not reset:
        if before.base != base:
            raise ToolError(
                f"pr-{number} copies from {before.base}, not from {base}", f"make pr-down PR={number}, then this again"
            )
        if (len(before.apps) == 1) != (len(apps) == 1):
            raise ToolError(
                f"pr-{number} spans {', '.join(before.apps)}; with {', '.join(apps)} its databases get other names, "
                "and their data would be lost",
                f"make pr PR={number} APPS={','.join(apps)} RESET=1, if they may be",
            )
        if before.content != content:
            raise ToolError(
                f"pr-{number} has {before.content} data; {content} ones would take their place",
                f"make pr PR={number} CONTENT={content} RESET=1, if they may be lost",
            )
    generation = (before.generation if before else 0) + (1 if before and reset else 0)
    raw = {"number": number, "base": base, "apps": apps, "content": content, "generation": generation}
    return PullRequest.model_validate(raw)


def _with_tags(wanted: PullRequest, before: PullRequest | None, tags: Mapping[str, str]) -> PullRequest:
    """The same with the images' tags that are asked for, the others as they were."""
    if unknown := sorted(set(tags) - set(wanted.apps)):
        raise ToolError(f"TAG names {', '.join(unknown)}, which is none of {', '.join(wanted.apps)}", "TAG=sha-1a2b3c4")
    kept = {name: tag for name, tag in (before.tags if before else {}).items() if name in wanted.apps}
    return wanted.model_copy(update={"tags": {**kept, **tags}})


def _summary(engine: Engine, stack: str, *, kept: bool) -> None:
    title = f"{stack}: {'data kept' if kept else 'made afresh'}"
    table = Table(title=title, title_justify="left", caption=files_of(stack), caption_justify="left")
    for column in ("application", "database", "snapshot", "its data are from"):
        table.add_column(column)
    for application, branch in engine.outputs(stack)["branches"].items():
        taken = branch["taken"]
        table.add_row(application, branch["database"], branch["snapshot"], f"{taken[:16]}, {ago(taken)}")
    Console().print(table)


def _env(base: str) -> str:
    return "" if base == "local" else f" ENV={base}"
