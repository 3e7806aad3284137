"""When the data of deleted organizations was removed."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_PENDING = sa.text("purged_at IS NULL AND deleted_at IS NOT NULL")


def upgrade() -> None:
    comment = "from here on it cannot be restored"
    op.add_column("organization", sa.Column("purge_begun_at", sa.Float(precision=53), comment=comment))
    comment = "its data is gone; the row stays, so that its id reads as deleted"
    op.add_column("organization", sa.Column("purged_at", sa.Float(precision=53), comment=comment))
    op.create_index(
        "ix_organization_deleted_at", "organization", ["deleted_at"], sqlite_where=_PENDING, postgresql_where=_PENDING
    )


def downgrade() -> None:
    op.drop_index("ix_organization_deleted_at", table_name="organization")
    op.drop_column("organization", "purged_at")
    op.drop_column("organization", "purge_begun_at")
