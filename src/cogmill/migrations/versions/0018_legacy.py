"""Calls of the old APIs by key, operation and day; sessions that were asked for once."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "legacy_call",
        sa.Column("api_key_id", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False, comment="days since 1970, UTC"),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("api_key_id", "operation", "day", name=op.f("pk_legacy_call")),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_key.api_key_id"], name=op.f("fk_legacy_call_api_key_id")),
        comment="how often each key called each operation of the old APIs",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_legacy_call_day"), "legacy_call", ["day"])
    op.create_table(
        "session_once",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("principal_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False, comment="keyed hash of the whole request"),
        sa.Column("session_id", sa.String(), comment="null only within the transaction that creates it"),
        sa.PrimaryKeyConstraint("org_id", "principal_id", "fingerprint", name=op.f("pk_session_once")),
        comment="sessions that were asked for with idempotent: the same request finds them again",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("session_once")
    op.drop_table("legacy_call")
