"""`demo-data`: the communes of France in city_api."""

from __future__ import annotations

import time

import psycopg
from dotenv import dotenv_values
from rich.console import Console

from components import names
from stacks.checks import role_of
from tools import paths, servers, settings_file
from tools.commands import environment
from tools.demo import communes, migrate
from tools.errors import ToolError

APPLICATION = "city-api"
ENV = "local"
console = Console(stderr=True, highlight=False)


def load() -> None:
    """Log in with the application's own environment file, migrate, load. Raises ToolError, SettingsError."""
    settings = settings_file.environment(ENV)
    file = paths.home() / "env" / ENV / f"{APPLICATION}.env"
    if APPLICATION not in settings.apps or not file.exists():
        raise ToolError(f"{ENV} has no {APPLICATION} that was brought up", "make up")
    servers.prepare(settings, environment.ready_engine(), ENV)
    data = communes.fetch()
    started = time.monotonic()
    with psycopg.connect(dotenv_values(file)["CITY_API_DB_URL"] or "", autocommit=True) as connection:
        owner = names.roles(role_of(APPLICATION, settings.apps[APPLICATION])).owner
        applied = migrate.migrate(connection, owner)
        count = communes.load(connection, data)
    done = f"migrations applied: {', '.join(applied)}; " if applied else ""
    console.print(f"[green]✓[/] {done}{count} communes in city_api ({time.monotonic() - started:.1f} s)")
