"""`alembic upgrade head`: logs in as the application and becomes the owner, where there is one to become."""

from __future__ import annotations

from logging.config import fileConfig

import psycopg
from alembic import context
from city_api.settings import parameters
from psycopg import sql
from sqlalchemy import create_engine, pool

_OWNER = """
SELECT rolname FROM pg_roles JOIN pg_database ON datdba = pg_roles.oid
WHERE datname = current_database() AND pg_has_role(current_user, pg_roles.oid, 'MEMBER')
"""


def connect() -> psycopg.Connection:
    """A connection whose objects will belong to the database's owner. The name of the login tells nothing of it: a
    rotation changes that."""
    connection = psycopg.connect(**parameters())
    if owner := connection.execute(_OWNER).fetchone():
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner[0])))
    connection.commit()
    return connection


if context.config.config_file_name:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)
engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
