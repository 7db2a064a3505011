"""`doctor`: what is wrong with an environment on Kubernetes, and what to type next."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from components import names
from stacks.kubernetes_settings import CloudNativePgServer
from tools import settings_file, toolchain
from tools.commands import environment
from tools.doctor.checks import examine
from tools.doctor.facts import Unseen
from tools.doctor.finding import Finding, Level, first
from tools.doctor.gather.everything import gather, wanted_of
from tools.doctor.redaction import Redactor
from tools.errors import ToolError

_SIGNS = {Level.OK: "[green]✓[/]", Level.WARNING: "[yellow]![/]", Level.FAULT: "[red]✗[/]"}


def doctor(env: str, application: str, *, as_json: bool) -> int:
    """Look at everything, tell it, and return 1 where there is a fault. Raises ToolError, SettingsError."""
    settings = settings_file.environment(env)
    if settings.environment.kind != "kubernetes" or not isinstance(settings.server, CloudNativePgServer):
        raise ToolError(f"{env} is not on Kubernetes", "make status, which tells of servers on this machine")
    if application and application not in settings.apps:
        there = ", ".join(settings.apps)
        raise ToolError(f"APP is “{application}”; applications of {env}: {there}", f"make doctor ENV={env} APP=…")
    with Console(stderr=True).status(f"{env}: looking"):
        facts, redactor = gather(wanted_of(env, settings, application), _stacks(env))
        findings = [_told(one, redactor) for one in examine(facts)]
    if as_json:
        print(json.dumps([asdict(one) for one in findings], indent=2, ensure_ascii=False))
    else:
        _show(findings)
    return int(any(one.level is Level.FAULT for one in findings))


def _stacks(env: str) -> frozenset[int] | Unseen:
    """The pull requests that this checkout has stacks of, copied from `env`."""
    try:
        listed = environment.ready_engine(toolchain.KUBERNETES).stacks()
    except ToolError as error:
        return Unseen(why=error.message)
    numbers = {stack: names.pull_request_number(stack) for stack in listed}
    return frozenset(number for stack, number in numbers.items() if number and _base(stack) in (env, ""))


def _base(stack: str) -> str:
    """What the stack copies from; empty where this machine hasn't got its settings, as with a shared backend."""
    settings = settings_file.pull_request(stack)
    return settings.pull_request.base if settings else ""


def _told(finding: Finding, redactor: Redactor) -> Finding:
    """The finding without any Secret's value, whatever a log or a message holds."""
    texts = asdict(finding).items()
    values = {key: redactor.clean(value) for key, value in texts if key not in ("subject", "level")}
    return Finding(subject=finding.subject, level=finding.level, **values)


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    for subject, group in groupby(findings, key=lambda one: one.subject):
        console.print(_table(subject, list(group)))
        console.print()
    _commands(console, findings)


def _table(subject: str, findings: list[Finding]) -> Table:
    table = Table(title=subject.capitalize(), title_justify="left")
    columns = (("", None), ("whose", 8), ("looked at", 18), ("found", 26), ("why it matters", 18))
    named = any(one.name for one in findings)
    for column, ratio in columns:
        if named or column != "whose":
            table.add_column(column, overflow="fold", ratio=ratio)
    for one in findings:
        whose = [escape(one.name)] if named else []
        table.add_row(_SIGNS[one.level], *whose, Text(one.looked_at), _found(one), Text(one.why))
    return table


def _found(finding: Finding) -> Text:
    text = Text(finding.found)
    if finding.detail:
        text.append(f"\n{finding.detail}", style="dim")
    return text


def _commands(console: Console, findings: list[Finding]) -> None:
    """The next commands whole, on lines of their own: in a table they would be folded, and could not be copied."""
    told = [one for one in findings if one.next]
    for one in told:
        name = f"{one.name}: " if one.name else ""
        console.print(Text.assemble((f"{one.level}: ", "bold"), f"{name}{one.found.splitlines()[0]}"), soft_wrap=True)
        console.print(Text(f"  → {one.next}"), soft_wrap=True)
    todo = first(findings)
    faults = sum(one.level is Level.FAULT for one in findings)
    if todo is None:
        console.print(f"[green]✓[/] {len(findings)} checks, nothing to do.")
    elif not faults:
        console.print(Text(f"No fault in {len(findings)} checks. Worth a look first: {todo.next}"), soft_wrap=True)
    else:
        console.print(
            Text(f"{faults} fault{'s' if faults > 1 else ''}. First: {todo.next}", style="bold"), soft_wrap=True
        )
    sys.stdout.flush()
