"""The commands behind `make`: each reads its words here and does its work in a module of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stacks.problems import SettingsError
from tools.errors import ToolError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

EnvOption = Annotated[str, typer.Option("--env", help="The environment.")]
EnvArgument = Annotated[str, typer.Argument(help="The environment.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


@app.command()
def up(env: EnvArgument = "local") -> None:
    """Bring an environment up, all the way to applications that can connect."""
    from tools.commands import environment

    environment.up(env)


@app.command()
def down() -> None:
    """Stop the servers on this machine; their data stay."""
    from tools.commands import environment

    environment.down()


@app.command()
def destroy(env: EnvArgument = "local", yes: YesOption = False) -> None:
    """Remove all of an environment, its data included."""
    from tools.commands import environment

    environment.destroy(env, confirmed=yes)


@app.command()
def pr(
    number: str,
    base: Annotated[str, typer.Option(help="The environment it copies from.")] = "local",
    apps: Annotated[str, typer.Option(help="Applications, separated by commas.")] = "",
    content: Annotated[str, typer.Option(help="masked, synthetic or schema.")] = "",
    reset: Annotated[bool, typer.Option("--reset", help="Make the copies afresh.")] = False,
    reopen: Annotated[bool, typer.Option("--reopen", help="Though a sweep found it closed.")] = False,
    tag: Annotated[str, typer.Option(help="Its images' tag, or <app>=<tag>,… (Kubernetes).")] = "",
) -> None:
    """Give a pull request its own copy of the data."""
    from tools.commands import pull_request

    pull_request.up(
        number, base=base, apps=apps, content=content, reset=reset, reopen=reopen,
        tags=pull_request.parse_tags(tag, apps),
    )  # fmt: skip


@app.command("pr-down")
def pr_down(number: str) -> None:
    """Remove all of a pull request."""
    from tools.commands import pull_request

    pull_request.down(number)


@app.command()
def run(
    application: str,
    command: str,
    env: EnvOption = "dev",
    tag: Annotated[str, typer.Option(help="Of the image; the settings' where left out.")] = "",
) -> None:
    """Run a command once in an application's image with its Secrets, in the cluster."""
    from tools.commands import run as one_off

    raise typer.Exit(one_off.run(application, env, command, tag))


@app.command()
def doctor(
    env: EnvOption = "dev",
    application: Annotated[str, typer.Option("--app", help="Only this one.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what is wrong with an environment on Kubernetes, and what to type next; status 1 where there is a fault."""
    from tools.commands import doctor as command

    raise typer.Exit(command.doctor(env, application, as_json=as_json))


@app.command()
def privileges(application: str, env: EnvOption = "dev") -> None:
    """Make an application's roles, database and grants in the cluster once more, as the settings have them."""
    from tools.commands import privileges as command

    command.renew(application, env)


@app.command()
def status() -> None:
    """Environments, pull requests, applications, databases, sizes, ages."""
    from tools.commands import status as command

    command.show()


@app.command()
def psql(
    application: str,
    pr: Annotated[str, typer.Option(help="A pull request's number.")] = "",
    role: Annotated[str, typer.Option(help="rw, ro or owner.")] = "rw",
    env: EnvOption = "local",
) -> None:
    """Open psql in an application's database."""
    from tools.commands import session

    session.psql(application, pull_request=pr, role=role, env=env)


@app.command()
def env() -> None:
    """Print what makes plain `pulumi` work in a shell."""
    from tools.commands import environment

    environment.print_variables()


@app.command("demo-data")
def demo_data() -> None:
    """Load the communes of France into city_api, through migrations that run as its role."""
    from tools.commands import demo_data as command

    command.load()


@app.command()
def explain(application: str, env: EnvOption = "local", *, write: bool = False) -> None:
    """Propose a masking rule for every column of an application's database; --write adds them to its file."""
    from tools.commands import snapshots

    snapshots.explain(application, env, write=write)


@app.command()
def snapshot(
    application: str,
    env: EnvOption = "local",
    content: Annotated[str, typer.Option(help="masked, synthetic or schema.")] = "masked",
) -> None:
    """Make a new snapshot of an application's database."""
    from tools.commands import snapshots

    snapshots.make(application, env, content)


@app.command()
def refresh(env: EnvOption = "local") -> None:
    """Make new snapshots where the data is older than `snapshots.maxAge`; for a schedule."""
    from tools.commands import snapshots

    snapshots.refresh(env)


@app.command()
def verify(number: str, application: Annotated[str, typer.Option("--app")] = "") -> None:
    """Show what a pull request changed in the definitions."""
    from tools.commands import checks

    checks.verify(number, application)


@app.command("check-migration")
def check_migration(
    number: str,
    command: str,
    application: Annotated[str, typer.Option("--app")] = "",
    threshold: Annotated[float, typer.Option(help="Seconds that ACCESS EXCLUSIVE may be held.")] = 10.0,
) -> None:
    """Run a pull request's migrations on its copy and report what they lock and rewrite."""
    from tools.commands import checks

    raise typer.Exit(checks.migration(number, application, command, threshold))


@app.command()
def sweep(
    open_file: Annotated[str, typer.Option(help="A file with the open pull requests' numbers.")] = "",
    github: Annotated[str, typer.Option(help="owner/name; the token is GITHUB_TOKEN.")] = "",
    env: EnvOption = "local",
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this the plan is shown.")] = False,
    largest_share: Annotated[float, typer.Option(help="Of the branches and stacks that may go at once.")] = 0.5,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Believe that none is open.")] = False,
) -> None:
    """Remove what no open pull request needs: stacks, databases, roles, snapshots."""
    from branching.sweep_plan import Bounds
    from tools.commands import sweep as command

    bounds = Bounds(largest_share=largest_share, allow_empty=allow_empty)
    command.sweep(env, open_file=open_file, github=github, bounds=bounds, apply=apply)


@app.command()
def dump(application: str, to: Path | None = None, env: EnvOption = "local") -> None:
    """Write a backup of an application's database."""
    from tools.commands import backups

    backups.dump(application, to, env)


@app.command()
def restore(
    application: str, from_: Annotated[Path, typer.Option("--from")], yes: YesOption = False, env: EnvOption = "local"
) -> None:
    """Put a backup back into an application's database."""
    from tools.commands import backups

    backups.restore(application, from_, env, confirmed=yes)


@app.command()
def test(
    tier: Annotated[str, typer.Option(help="check, unit, database or engine.")] = "",
    all_: Annotated[bool, typer.Option("--all", help="Also what takes long.")] = False,
) -> None:
    """Run the tests, tier by tier, and say what each did."""
    from tools.commands import tests

    raise typer.Exit(tests.run(tier, everything=all_))


@app.command()
def bench(what: Annotated[str, typer.Option(help="applications, branching or base.")] = "applications") -> None:
    """Measure, and write a section of docs/benchmarks.md."""
    from tools.commands import bench as command

    command.run(what)


@app.command()
def cluster(
    extras: Annotated[str, typer.Option("--with", help="backup, external-secrets; separated by commas.")] = "",
) -> None:
    """Bring up a throw-away Kubernetes with CloudNativePG on this machine."""
    from tools.commands import cluster as command

    command.up(extras)


@app.command("cluster-down")
def cluster_down(keep: Annotated[bool, typer.Option("--keep", help="Its data stay.")] = False) -> None:
    """Stop the throw-away Kubernetes."""
    from tools.commands import cluster as command

    command.down(keep=keep)


@app.command()
def docs() -> None:
    """Write the tables of docs/settings.md from the settings' models."""
    from tools.commands import docs as command

    command.write()


@app.command("format")
def format_() -> None:
    """Format the code, and mend what can be mended safely."""
    from tools.commands import tests

    raise typer.Exit(tests.format_code())


def main() -> int:
    """Run one command; what the user can mend is one message, without a traceback."""
    try:
        # What a command raises as typer.Exit comes back as its status.
        status = app(standalone_mode=False)
    except (ToolError, SettingsError) as error:
        Console(stderr=True, highlight=False).print(f"[bold red]✗[/] {error}", markup=True, soft_wrap=True)
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return 130
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())
