"""What of the reports of a code scan could not be taken."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "code_scan",
        sa.Column(
            "problems",
            sa.JSON(none_as_null=True),
            nullable=True,
            comment="what of its reports could not be taken, the first ones",
        ),
    )


def downgrade() -> None:
    op.drop_column("code_scan", "problems")
