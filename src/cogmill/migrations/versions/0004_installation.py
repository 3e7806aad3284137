"""The fingerprint of the keys that a database belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("installation_id", sa.Integer(), autoincrement=False, nullable=False, comment="always 1"),
        sa.Column(
            "keys_fingerprint",
            sa.String(),
            nullable=False,
            comment="of the keys that hashes and secrets were made with",
        ),
        sa.PrimaryKeyConstraint("installation_id", name=op.f("pk_installation")),
    )


def downgrade() -> None:
    op.drop_table("installation")
