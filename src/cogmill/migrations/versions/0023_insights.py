"""Insights of sessions, counts of what sessions said."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("session", sa.Column("devin_messages", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "session_insight",
        sa.Column("session", BIG_ID, nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, comment="queued, running, done or failed"),
        sa.Column("is_asked_for", sa.Boolean(), nullable=False, comment="the whole analysis, whatever the size"),
        sa.Column(
            "attempt",
            sa.Integer(),
            nullable=False,
            comment="grows with every claim; writes of an older one are refused",
        ),
        sa.Column("queued_at", sa.Float(53), nullable=False),
        sa.Column("analysis", sa.JSON(none_as_null=True), nullable=True, comment="as the API shows it; null: none yet"),
        sa.Column("messages", sa.Integer(), nullable=True, comment="how many were said when it was made"),
        sa.Column("made_at", sa.Float(53), nullable=True),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_session_insight_session")),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_session_insight")),
    )
    for name, column, status in (("waiting", "queued_at", "queued"), ("running", "session", "running")):
        op.create_index(
            f"ix_session_insight_{name}",
            "session_insight",
            [column],
            unique=False,
            sqlite_where=sa.text(f"status = '{status}'"),
            postgresql_where=sa.text(f"status = '{status}'"),
        )
    op.execute(
        "UPDATE session SET devin_messages = (SELECT COUNT(*) FROM session_event"
        " WHERE session_event.session = session.id AND event_type = 'devin_message')"
    )


def downgrade() -> None:
    op.drop_table("session_insight")
    op.drop_column("session", "devin_messages")
