"""`snapshot`: the masked template that pull requests are copied from."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from branching import disk, inventory, lease, pool, probe, snapshot, strategy
from branching.connection import Connection, Server, connect, major
from branching.errors import BranchingError, DiskShortError, SnapshotBusyError
from branching.masking import explain as explanations
from branching.masking.rules_file import load as load_rules
from branching.measures import TYPICAL
from branching.metadata import Content
from branching.progress import Progress as Step
from branching.stream import Pace
from components import names
from stacks.checks import database_of, role_of
from stacks.settings import EmbeddedServer, EnvironmentSettings
from tools import passwords, paths, servers, settings_file
from tools.ages import ago, size
from tools.commands import environment
from tools.embedded.binaries import postgres_binaries
from tools.engine import Engine
from tools.errors import ToolError

console = Console(stderr=True, highlight=False)
PATIENCE_SECONDS = 1800
"""How long a pull request waits for a first snapshot that another run is building."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """An environment whose servers run, to make snapshots in."""

    env: str
    settings: EnvironmentSettings
    engine: Engine
    admin: Server


def make(application: str, env: str, content: str) -> None:
    """Build a new version. Raises ToolError, SettingsError."""
    if content not in set(Content):
        raise ToolError(f"CONTENT is “{content}”; there is {', '.join(Content)}", "CONTENT=synthetic")
    settings = settings_file.environment(env)
    if settings.environment.kind == "kubernetes":
        from tools.commands import cluster_snapshots

        cluster_snapshots.make(application, env, settings, content)
        return
    base = _base(application, env, "make snapshot APP=…")
    try:
        _build(application, base, Content(content))
    except SnapshotBusyError as busy:
        raise ToolError(str(busy)) from None
    _refill([application], base)


def refresh(env: str) -> None:
    """Make a new version of each snapshot whose data is older than the settings allow. Raises ToolError, SettingsError.

    For a schedule: applications without a snapshot are left alone, since no pull request has asked for one yet. On
    Kubernetes, where it is what the CronJobs do, they get their first.
    """
    settings = settings_file.environment(env)
    if settings.environment.kind == "kubernetes":
        from tools.commands import cluster_snapshots

        cluster_snapshots.refresh(env, settings)
        return
    base = _running(settings, env)
    with connect(base.admin) as admin:
        found = inventory.survey(admin, sizes=False)
    made, failed = [], []
    for application, app in settings.apps.items():
        database = database_of(application, app)
        if not found.published(database):
            continue
        young = found.young(database, settings.snapshots.max_age * 86400)
        if young is not None:
            console.print(f"  {application}: v{young.version}, data from {ago(young.taken_at)}: young enough")
            continue
        try:
            _build(application, base, Content.MASKED)
            made.append(application)
        except (ToolError, SnapshotBusyError) as error:
            console.print(f"[red]✗[/] {application}: {error}")
            failed.append(application)
    _refill(made, base)
    if failed:
        raise ToolError(f"No new snapshot of {', '.join(failed)}; the old ones are as they were", "make refresh")


def explain(application: str, env: str, *, write: bool) -> None:
    """Print the rules file with a proposal for each column that has none, or write it. Raises as `make` does."""
    base = _base(application, env, "make explain APP=…")
    app = base.settings.apps[application]
    file = paths.ROOT / rules_file(application, base.settings)
    owner = names.roles(role_of(application, app)).owner
    try:
        found = explanations.explain(base.admin, database_of(application, app), file, owner)
    except BranchingError as error:
        raise ToolError(str(error)) from None
    shown = file.relative_to(paths.ROOT)
    if not write:
        sys.stdout.write(found.text)
        console.print(f"{found.new} columns had no rule; WRITE=1 adds these to {shown}.")
        return
    partial = file.with_name(f".{file.name}")
    partial.write_text(found.text, encoding="utf-8")
    partial.replace(file)
    console.print(f"[green]✓[/] {shown}: {found.new} rules added. Read them before the next snapshot.")


def _base(application: str, env: str, command: str) -> Base:
    settings = settings_file.environment(env)
    if application not in settings.apps:
        raise ToolError(f"APP is “{application}”; applications of {env}: {', '.join(settings.apps)}", command)
    return _running(settings, env)


def _running(settings: EnvironmentSettings, env: str) -> Base:
    engine = environment.ready_engine()
    servers.prepare(settings, engine, env)
    return Base(env=env, settings=settings, engine=engine, admin=servers.administrator(settings, engine, env))


def _refill(applications: Iterable[str], base: Base) -> None:
    """A newer snapshot took the warm copies of the older ones along."""
    if base.settings.pull_requests.warm:
        warm_up(applications, base, servers.brancher(base.settings, base.engine, base.env))


def warm_up(applications: Iterable[str], base: Base, brancher: Server) -> None:
    """Have as many copies ready as the settings ask for."""
    for application in applications:
        try:
            report = pool.fill(
                brancher, database_of(application, base.settings.apps[application]), base.settings.pull_requests.warm
            )
        except DiskShortError as short:
            console.print(f"  no warm branch: {short.message}")
            return
        for name in report.made:
            console.print(f"  ready for the next pull request: {name}")


def renew(branches: Iterable[str], base: Base) -> None:
    """Let the time to live of these branches begin again: there was a push."""
    with connect(base.admin) as admin:
        for name in branches:
            lease.renew(admin, name)


def ensure(application: str, base: Base, content: Content = Content.MASKED) -> None:
    """Build the first version if there is none, or wait for who is building it."""
    database = database_of(application, base.settings.apps[application])
    with connect(base.admin) as admin:
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone():
            raise ToolError(f"{base.env} has no database {database} yet", "make up")
        if not _published(admin, database, content):
            kind = "" if content is Content.MASKED else f"{content} "
            console.print(f"{application} has no {kind}snapshot yet: making the first.")
            _build_or_wait(application, base, content, lambda: _published(admin, database, content))


def ready_branches(base: Base) -> set[str]:
    """The names of the branches that are finished, whatever a stack's settings say."""
    with connect(base.admin) as admin:
        return {one.name for one in inventory.survey(admin, sizes=False).branches if one.ready}


def require_room(applications: Iterable[str], base: Base, content: Content = Content.MASKED) -> None:
    """Raise ToolError where copies of these applications would not fit. The administrator asks: the brancher isn't told
    where the server keeps its data."""
    with connect(base.admin) as admin:
        found = inventory.survey(admin, sizes=False)
        needed: Counter[str] = Counter()
        for application in applications:
            published = found.published(database_of(application, base.settings.apps[application]), content)
            if published:
                where = published[-1].tablespace
                measures = probe.known(found, admin.info.server_version, where) or TYPICAL
                needed[where] += strategy.choose(published[-1].bytes, major(admin), measures).disk_bytes
        try:
            for where, size_ in needed.items():
                disk.require(size_, disk.local_free_bytes(base.admin, admin, where), "the pull request's copy")
        except DiskShortError as short:
            raise ToolError(short.message, short.remedy) from None


def _published(admin: Connection, database: str, content: Content) -> bool:
    return bool(inventory.survey(admin, sizes=False).published(database, content))


def _build_or_wait(application: str, base: Base, content: Content, published: Callable[[], bool]) -> None:
    """Build, unless another run does: then wait for its snapshot, and build when it ends without one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    waiting = False
    while not published():
        try:
            _build(application, base, content)
        except SnapshotBusyError as busy:
            if time.monotonic() > deadline:
                raise ToolError(f"{busy.message}, for {PATIENCE_SECONDS // 60} minutes now", busy.remedy) from None
            if not waiting:
                console.print(f"{busy.message}: waiting for it.")
            waiting = True
            time.sleep(1)


def rules_file(application: str, settings: EnvironmentSettings) -> str:
    """Path of the application's masking rules, relative to the checkout."""
    return settings.apps[application].masking or f"masking/{application}.yaml"


def _build(application: str, base: Base, content: Content) -> None:
    settings = base.settings
    app = settings.apps[application]
    file = paths.ROOT / rules_file(application, settings)
    major = settings.server.version if isinstance(settings.server, EmbeddedServer) else 18
    how = settings.snapshots
    per_second = how.megabytes_per_second
    request = snapshot.SnapshotRequest(
        server=base.admin,
        application=application,
        database=database_of(application, app),
        rules_file=file,
        salt=_salt(application, base, file),
        content=content,
        owner=names.roles(role_of(application, app)).owner,
        login_role=role_of(application, app),
        brancher=names.BRANCHER,
        pg_dump=str(postgres_binaries(major).pg_dump),
        replica=replace(base.admin, host=how.replica, dump_host="") if how.replica else None,
        tablespace=how.tablespace or "",
        pace=Pace(sessions=how.sessions, bytes_per_second=per_second * 2**20 if per_second else None),
    )
    try:
        report = _shown(application, request)
    except SnapshotBusyError:
        raise
    except BranchingError as error:
        raise ToolError(str(error)) from None
    made = report.metadata
    console.print(
        f"[green]✓[/] {report.name}: {made.rows} rows, {size(made.bytes)}, {made.seconds:.1f} s, "
        f"data from {ago(made.taken_at)}"
    )
    for rule in report.unused:
        console.print(f"  [dim]a rule without use: {rule}[/]", soft_wrap=True)
    for table in report.empty:
        console.print(f"  no row could be invented for {table}")
    for dropped in made.dropped:
        console.print(f"  not carried over: {dropped}")


def _salt(application: str, base: Base, file: Path) -> str:
    """The masks' secret, where the rules ask for one; what is wrong with the rules the build says."""
    try:
        asked = load_rules(file).salted
    except BranchingError:
        return ""
    return passwords.masking_salt(base.engine, base.env, application) if asked else ""


def _shown(application: str, request: snapshot.SnapshotRequest) -> snapshot.SnapshotReport:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"snapshot of {application}", total=None)

        def step(seen: Step) -> None:
            text = f"snapshot of {application}: {seen.phase} {seen.table}"
            progress.update(task, description=text, completed=seen.done, total=seen.total or None)

        return snapshot.build(request, step)
