"""Runs that build on other runs: on their last checkpoint, or on their model as a teacher."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("run") as table:
        table.add_column(sa.Column("resumed_from", sa.String(), nullable=True))
        table.add_column(sa.Column("teacher", sa.String(), nullable=True))
        table.add_column(sa.Column("resumed_at", sa.Integer(), nullable=False, server_default="0"))
