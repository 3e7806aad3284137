"""Processes that run sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "hypervisor",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("hypervisor_id", sa.String(), nullable=False),
        sa.Column(
            "instance_id",
            sa.String(),
            nullable=True,
            comment="of its machine at the cloud provider, as the settings name it",
        ),
        sa.Column(
            "state", sa.String(), nullable=False, comment="restarting, available or terminated, as it said last itself"
        ),
        sa.Column("capacity", sa.Integer(), nullable=False, comment="sessions that it runs at once"),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("last_heartbeat", sa.Float(53), nullable=False),
        sa.Column(
            "drained_at",
            sa.Float(53),
            nullable=True,
            comment="since when it is to take no sessions; null: it takes them",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hypervisor")),
        sa.UniqueConstraint("hypervisor_id", name=op.f("uq_hypervisor_hypervisor_id")),
    )


def downgrade() -> None:
    op.drop_table("hypervisor")
