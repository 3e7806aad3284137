"""Secrets of organizations, people and repositories; the kind of a session's secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "secret",
        sa.Column("secret_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True, comment="whose it is, if personal"),
        sa.Column("repository", sa.String(), nullable=True, comment="only for sessions on this repository"),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="key-value, cookie or totp"),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("is_sensitive", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_secret_org_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.user_id"], name=op.f("fk_secret_user_id")),
        sa.PrimaryKeyConstraint("secret_id", name=op.f("pk_secret")),
    )
    op.create_index(op.f("ix_secret_org_id_secret_id"), "secret", ["org_id", "secret_id"], unique=False)
    op.add_column("session_secret", sa.Column("kind", sa.String(), server_default="key-value", nullable=False))


def downgrade() -> None:
    op.drop_column("session_secret", "kind")
    op.drop_index(op.f("ix_secret_org_id_secret_id"), table_name="secret")
    op.drop_table("secret")
