"""Up to when a running session has booked its ACUs, so that a run that is cut can be booked."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "up to when its run has booked ACUs; null while nobody runs it"
    op.add_column("session", sa.Column("active_since", sa.Float(precision=53), comment=comment))


def downgrade() -> None:
    op.drop_column("session", "active_since")
