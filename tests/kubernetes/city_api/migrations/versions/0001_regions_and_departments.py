"""Regions and departments."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE region (code text PRIMARY KEY, name text NOT NULL)")
    op.execute("""
        CREATE TABLE department (
            code text PRIMARY KEY,
            name text NOT NULL,
            region_code text NOT NULL REFERENCES region
        )
    """)
    op.execute("INSERT INTO region VALUES ('11', 'Île-de-France'), ('53', 'Bretagne'), ('84', 'Auvergne-Rhône-Alpes')")
    op.execute("INSERT INTO department VALUES ('75', 'Paris', '11'), ('29', 'Finistère', '53'), ('69', 'Rhône', '84')")


def downgrade() -> None:
    op.execute("DROP TABLE department, region")
