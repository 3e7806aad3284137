"""Mails that wait to be sent."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "mail",
        sa.Column("id", big, nullable=False),
        sa.Column("message_id", sa.String(), nullable=False, comment="the header: the same at every attempt"),
        sa.Column("org_id", sa.String(), nullable=True, comment="on whose behalf; null: the server's"),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment="waiting, sent or given_up"),
        sa.Column(
            "due_at", sa.Float(precision=53), nullable=False,
            comment="of the next attempt; of one that is over, when it was",
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_mail_org_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )  # fmt: skip
    op.create_index(op.f("ix_mail_state_due_at_id"), "mail", ["state", "due_at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_mail_state_due_at_id"), table_name="mail")
    op.drop_table("mail")
