"""What people did in all organizations of an enterprise together, so that counting them adds up fewer rows."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "metric_person",
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("span", sa.String(), nullable=False, comment="d: day, w: week from Monday, m: month"),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("searches", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "span", "start", "user_id", name=op.f("pk_metric_person")),
        comment="the same of all organizations that are not deleted together",
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO metric_person (enterprise_id, span, start, user_id, sessions, searches)"
        " SELECT organization.enterprise_id, metric_user.span, metric_user.start, metric_user.user_id,"
        " sum(metric_user.sessions), sum(metric_user.searches) FROM metric_user JOIN organization"
        " ON organization.org_id = metric_user.org_id WHERE organization.deleted_at IS NULL"
        " GROUP BY organization.enterprise_id, metric_user.span, metric_user.start, metric_user.user_id"
    )


def downgrade() -> None:
    op.drop_table("metric_person")
