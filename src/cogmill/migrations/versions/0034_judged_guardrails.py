"""Guardrails that a model judges by."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    by = "what a model judges by, of texts that the pattern lets through; empty pattern: all"
    op.add_column("guardrail", sa.Column("judgement", sa.Text(), comment=by))
    missing = sa.Column(
        "when_unanswered", sa.String(), server_default="act", nullable=False, comment="of a judgement: act or pass"
    )
    op.add_column("guardrail", missing)


def downgrade() -> None:
    op.execute("DELETE FROM guardrail WHERE judgement IS NOT NULL")
    op.drop_column("guardrail", "when_unanswered")
    op.drop_column("guardrail", "judgement")
