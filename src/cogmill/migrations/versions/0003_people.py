"""Browser sessions and invitations of people; accounts that are switched off."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "user_account",
        sa.Column(
            "disabled_at", sa.Float(precision=53), nullable=True, comment="switched off: no sign-in, no key works"
        ),
    )
    op.create_table(
        "browser_session",
        sa.Column("browser_session_id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("sign_in_epoch", sa.Integer(), nullable=False, comment="the user's, when it began"),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("last_used_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.user_id"], name=op.f("fk_browser_session_user_id")),
        sa.PrimaryKeyConstraint("browser_session_id", name=op.f("pk_browser_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_browser_session_token_hash")),
    )
    op.create_index(op.f("ix_browser_session_user_id"), "browser_session", ["user_id"], unique=False)
    op.create_table(
        "invitation",
        sa.Column("user_id", sa.String(), nullable=False, comment="one for each user: a newer one replaces it"),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("sign_in_epoch", sa.Integer(), nullable=False, comment="the user's, when it was made"),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("expires_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.user_id"], name=op.f("fk_invitation_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )


def downgrade() -> None:
    op.drop_table("invitation")
    op.drop_index(op.f("ix_browser_session_user_id"), table_name="browser_session")
    op.drop_table("browser_session")
    op.drop_column("user_account", "disabled_at")
