"""What snapshot builds were made of, so that others go on from them."""

import sqlalchemy as sa
from alembic import op

from cogmill.models.metadata import Json

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

NEW = (
    ("is_partial", sa.Boolean(), "to be made on the last snapshot, if that is possible; null: older"),
    ("base_build_id", sa.String(), "on whose snapshot it was made; null: from nothing"),
    ("made_of", Json, "what its parts were, so that later builds know what has changed"),
)


def upgrade() -> None:
    for name, kind, comment in NEW:
        op.add_column("snapshot_build", sa.Column(name, kind, nullable=True, comment=comment))


def downgrade() -> None:
    for name, _, _ in NEW:
        op.drop_column("snapshot_build", name)
