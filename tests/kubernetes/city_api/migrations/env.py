"""`alembic upgrade head`: logs in as the application and becomes the owner, where there is one to become."""

from __future__ import annotations

from logging.config import fileConfig

import psycopg
from alembic import context
from city_api.settings import parameters
from psycopg import sql
from sqlalchemy import create_engine, pool

_IS_MEMBER = "SELECT 1 FROM pg_roles WHERE rolname = %s AND pg_has_role(current_user, oid, 'MEMBER')"


def connect() -> psycopg.Connection:
    """A connection whose objects will belong to `<user>_owner`. In a pull request's copy there is no such role: there
    the login's own settings say who owns."""
    settings = parameters()
    connection = psycopg.connect(**settings)
    owner = f"{settings['user']}_owner"
    if connection.execute(_IS_MEMBER, (owner,)).fetchone():
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
    connection.commit()
    return connection


if context.config.config_file_name:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)
engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
