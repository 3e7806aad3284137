"""Warnings that were given of limits."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limit_notice",
        sa.Column("scope", sa.String(), nullable=False, comment="user, org, org_group or enterprise"),
        sa.Column("scope_id", sa.String(), nullable=False),
        sa.Column("cycle", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("threshold", sa.Integer(), autoincrement=False, nullable=False, comment="hundredths of the limit"),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_limit_notice_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("scope", "scope_id", "cycle", "threshold", name=op.f("pk_limit_notice")),
        comment="warnings that were given: once for each limit, cycle and threshold",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("limit_notice")
