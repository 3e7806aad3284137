"""Sums for metrics, counts of user messages. Days that hold anything are marked, to be summed up later."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ORIGINS = ("api", "automation", "desktop", "jira", "linear", "slack", "teams", "webapp")
SIZES = ("xs", "s", "m", "l", "xl")
COUNTERS = (
    "sessions", "acus_micro", *(f"origin_{one}" for one in ORIGINS), *(f"size_{one}" for one in SIZES),
    *(f"merged_{one}" for one in SIZES), "with_playbook", "with_search", "prs_opened", "prs_closed", "prs_merged",
    "prs_taken_over_opened", "prs_taken_over_closed", "prs_taken_over_merged", "searches",
)  # fmt: skip
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _sessions()
    _sums()
    _users()
    _fill()


def _sessions() -> None:
    op.add_column("session", sa.Column("user_messages", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "session",
        sa.Column(
            "has_searched",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="its agent searched indexed code",
        ),
    )
    op.create_index(op.f("ix_session_org_id_created_at"), "session", ["org_id", "created_at"], unique=False)
    op.create_index(op.f("ix_pull_request_org_id_created_at"), "pull_request", ["org_id", "created_at"], unique=False)
    op.create_index(
        "ix_session_busy",
        "session",
        ["org_id", "run_state", "created_at"],
        unique=False,
        sqlite_where=sa.text("run_state <> 'idle'"),
        postgresql_where=sa.text("run_state <> 'idle'"),
    )


def _sums() -> None:
    op.create_table(
        "metric_sum",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column(
            "part", sa.String(), nullable=False, comment="all; or pair: of a playbook and a service user, either empty"
        ),
        sa.Column("span", sa.String(), nullable=False, comment="d: day, m: month; both begin at 00:00 UTC"),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("playbook_id", sa.String(), nullable=False),
        sa.Column("service_user_id", sa.String(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTERS),
        sa.PrimaryKeyConstraint(
            "org_id", "part", "span", "start", "playbook_id", "service_user_id", name=op.f("pk_metric_sum")
        ),
        comment="of what was created in the span, as it stands now",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_category",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("span", sa.String(), nullable=False, comment="d: day, m: month"),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("category", sa.String(), nullable=False, comment="empty: not known yet"),
        sa.Column("subcategory", sa.String(), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("acus_micro", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "span", "start", "category", "subcategory", name=op.f("pk_metric_category")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_mark",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column(
            "day", sa.BigInteger(), nullable=False, comment="its sums are to be made anew; until then it is counted"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_mark")),
    )
    op.create_index(op.f("ix_metric_mark_org_id_day"), "metric_mark", ["org_id", "day"], unique=False)


def _users() -> None:
    span = "d: day, w: week from Monday, m: month"
    op.create_table(
        "metric_user",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("span", sa.String(), nullable=False, comment=span),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("searches", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "span", "start", "user_id", name=op.f("pk_metric_user")),
        comment="people who had sessions made or who searched",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_activity",
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column(
            "org_id", sa.String(), nullable=False, comment="empty: all organizations that are not deleted together"
        ),
        sa.Column("span", sa.String(), nullable=False, comment=span),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sessions", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("searches", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "users", sa.Integer(), nullable=False, comment="how many people had just so many sessions and searches"
        ),
        sa.PrimaryKeyConstraint(
            "enterprise_id", "org_id", "span", "start", "sessions", "searches", name=op.f("pk_metric_activity")
        ),
        sqlite_with_rowid=False,
    )


def _fill() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    day = (
        "CAST(created_at AS INTEGER) / 86400 * 86400"
        if is_sqlite
        else "CAST(FLOOR(created_at / 86400) AS BIGINT) * 86400"
    )
    for table in ("session", "pull_request", "code_search"):
        op.execute(f"INSERT INTO metric_mark (org_id, day) SELECT DISTINCT org_id, {day} FROM {table}")  # noqa: S608
    op.execute(
        "UPDATE session SET user_messages = (SELECT COUNT(*) FROM session_event"
        " WHERE session_event.session = session.id AND event_type = 'user_message')"
    )


def downgrade() -> None:
    for table in ("metric_activity", "metric_user", "metric_mark", "metric_category", "metric_sum"):
        op.drop_table(table)
    op.drop_index("ix_session_busy", table_name="session")
    op.drop_index(op.f("ix_pull_request_org_id_created_at"), table_name="pull_request")
    op.drop_index(op.f("ix_session_org_id_created_at"), table_name="session")
    for column in ("has_searched", "user_messages"):
        op.drop_column("session", column)
