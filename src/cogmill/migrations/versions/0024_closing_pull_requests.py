"""Pull requests at providers that are to be closed."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "of closing it at its provider; null: nobody wants it closed"
    op.add_column("pull_request", sa.Column("close_attempts", sa.Integer(), comment=comment))


def downgrade() -> None:
    op.drop_column("pull_request", "close_attempts")
