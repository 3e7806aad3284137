"""Schedules are counted by stretches of their ids, so that a page at any offset is found at once."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedule_block",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column(
            "block", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False,
            comment="of 1024 ids of schedules",
        ),
        sa.Column(
            "kept", sa.Integer(), nullable=False, comment="how many of them are the organization's and not deleted"
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_schedule_block_org_id")),
        sa.PrimaryKeyConstraint("org_id", "block", name=op.f("pk_schedule_block")),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.execute(
        "INSERT INTO schedule_block (org_id, block, kept) SELECT org_id, id / 1024, count(*) FROM schedule"
        " WHERE deleted_at IS NULL GROUP BY org_id, id / 1024"
    )


def downgrade() -> None:
    op.drop_table("schedule_block")
