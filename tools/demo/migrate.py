"""The demo's migrations: log in as the application, become the owner, apply each file once."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(connection: psycopg.Connection, owner: str) -> list[str]:
    """Apply the migrations that are missing, each in its transaction, as `owner`; return their names."""
    applied: list[str] = []
    with connection.transaction():
        _become(connection, owner)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
        )
    for file in sorted(MIGRATIONS.glob("*.sql")):
        with connection.transaction():
            _become(connection, owner)
            connection.execute("LOCK TABLE schema_migration IN EXCLUSIVE MODE")
            done = connection.execute("SELECT 1 FROM schema_migration WHERE name = %s", (file.stem,)).fetchone()
            if not done:
                connection.execute(file.read_text(encoding="utf-8"))
                connection.execute("INSERT INTO schema_migration (name) VALUES (%s)", (file.stem,))
                applied.append(file.stem)
    return applied


def _become(connection: psycopg.Connection, owner: str) -> None:
    # For this transaction only: rows are written with the application's own rights.
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))
