"""How high a commune lies; only the second release of the application has this migration."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE commune ADD COLUMN elevation_m integer")
    op.execute("UPDATE commune SET elevation_m = 35 WHERE code = '75056'")


def downgrade() -> None:
    op.execute("ALTER TABLE commune DROP COLUMN elevation_m")
