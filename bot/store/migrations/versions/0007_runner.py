"""Runners beside the bot's own, pausing them, and a quota of device time."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "runner",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("devices", sa.String(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column("group", sa.Column("device_seconds_per_week", sa.Integer(), nullable=True))
    op.add_column("group", sa.Column("runner", sa.String(), nullable=False, server_default="open"))
    op.add_column("run", sa.Column("runner", sa.String(), nullable=True))
    op.add_column("run", sa.Column("devices", sa.Float(), nullable=False, server_default="1"))
