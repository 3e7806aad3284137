"""Jobs that fetch a repository which is to be indexed before anything is known of it."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

COLUMNS = ("branch_name", "commit_hash")
EMPTY = "empty: the job fetches the repository"


def upgrade() -> None:
    comment = "the newest job that fetches it; null: its branches are known"
    op.add_column("indexed_repository", sa.Column("fetch_job", sa.String(), nullable=True, comment=comment))
    _describe(EMPTY, None)


def downgrade() -> None:
    op.execute("DELETE FROM index_job WHERE branch_name = ''")
    op.execute("DELETE FROM indexed_branch WHERE latest_job IS NULL")
    op.execute(
        "DELETE FROM indexed_repository WHERE NOT EXISTS (SELECT 1 FROM indexed_branch b WHERE b.org_id ="
        " indexed_repository.org_id AND b.repository_path = indexed_repository.repository_path)"
    )
    op.drop_column("indexed_repository", "fetch_job")
    _describe(None, EMPTY)


def _describe(comment: str | None, before: str | None) -> None:
    """SQLite keeps no comments."""
    if op.get_bind().dialect.name == "postgresql":
        for name in COLUMNS:
            kind = sa.String()
            op.alter_column("index_job", name, comment=comment, existing_comment=before, existing_type=kind)
