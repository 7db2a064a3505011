"""Communes."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE commune (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            code text NOT NULL UNIQUE,
            name text NOT NULL,
            department_code text NOT NULL REFERENCES department,
            region_code text NOT NULL REFERENCES region,
            population integer CHECK (population >= 0)
        )
    """)
    op.execute("CREATE INDEX commune_name ON commune (name)")
    op.execute("""
        INSERT INTO commune (code, name, department_code, region_code, population) VALUES
            ('75056', 'Paris', '75', '11', 2133111),
            ('29019', 'Brest', '29', '53', 139619),
            ('29232', 'Quimper', '29', '53', 64530),
            ('69123', 'Lyon', '69', '84', 520774),
            ('69266', 'Villeurbanne', '69', '84', 160550)
    """)


def downgrade() -> None:
    op.execute("DROP TABLE commune")
