"""Keys of stored secrets, wrapped by the master key."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "data_key",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wrapped", sa.Text(), nullable=False, comment="by the master key"),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_data_key")),
        comment="keys that stored secrets are sealed with; the newest seals",
    )


def downgrade() -> None:
    op.drop_table("data_key")
