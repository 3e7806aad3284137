"""Schedules and their runs."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    moment = sa.Float(precision=53)
    op.create_table(
        "schedule",
        sa.Column("id", big, nullable=False, comment="order of creation; the key of pages"),
        sa.Column("schedule_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("schedule_type", sa.String(), nullable=False, comment="recurring or one_time"),
        sa.Column("frequency", sa.String(), nullable=True, comment="cron, read as UTC"),
        sa.Column("interval_count", sa.Integer(), nullable=False),
        sa.Column("scheduled_at", moment, nullable=True),
        sa.Column(
            "target_devin_id", sa.String(), nullable=True, comment="the session that is written to instead of a new one"
        ),
        sa.Column("playbook_id", sa.String(), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=True),
        sa.Column("platform", sa.String(), nullable=True),
        sa.Column("bypass_approval", sa.Boolean(), nullable=False),
        sa.Column("notify_on", sa.String(), nullable=False),
        sa.Column("overlap", sa.String(), nullable=False, comment="skip or allow"),
        sa.Column("slack_channel_id", sa.String(), nullable=True),
        sa.Column("slack_team_id", sa.String(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True, comment="of the person who made it, or"),
        sa.Column(
            "service_user_id", sa.String(), nullable=True,
            comment="of the service user who did; runs as them",
        ),
        sa.Column("run_as_user_id", sa.String(), nullable=True),
        sa.Column(
            "created_by", sa.String(), nullable=False, comment="as shown: with create_as_user_id that user"
        ),
        sa.Column("last_edited_by", sa.String(), nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("deleted_at", moment, nullable=True),
        sa.Column("due_at", moment, nullable=True, comment="of the next run; null: none will come"),
        sa.Column("last_executed_at", moment, nullable=True),
        sa.Column("last_error_at", moment, nullable=True),
        sa.Column("last_error_message", sa.Text(), nullable=True),
        sa.Column("consecutive_failures", sa.Integer(), nullable=False),
        sa.Column("last_session_id", sa.String(length=38), nullable=True),
        sa.Column("runs", sa.Integer(), nullable=False, comment="how many there were; the number of the last one"),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_schedule_org_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
        sa.UniqueConstraint("schedule_id", name=op.f("uq_schedule_schedule_id")),
    )  # fmt: skip
    _partial_index("ix_schedule_kept", "schedule", ["org_id", "id"], "deleted_at IS NULL")
    _partial_index("ix_schedule_due_at", "schedule", ["due_at"], "due_at IS NOT NULL")
    _partial_index("ix_session_of_schedule", "session", ["org_id", "schedule_id", "id"], "schedule_id IS NOT NULL")
    op.create_table(
        "schedule_run",
        sa.Column("schedule", big, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("ran_at", moment, nullable=False),
        sa.Column("outcome", sa.String(), nullable=False, comment="started, messaged, skipped or failed"),
        sa.Column("session_id", sa.String(length=38), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("is_catch_up", sa.Boolean(), nullable=False),
        sa.Column(
            "missed", sa.Integer(), nullable=False, comment="further runs that fell due meanwhile and are left out"
        ),
        sa.ForeignKeyConstraint(["schedule"], ["schedule.id"], name=op.f("fk_schedule_run_schedule")),
        sa.PrimaryKeyConstraint("schedule", "number", name=op.f("pk_schedule_run")),
        sqlite_with_rowid=False,
    )


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=False, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    op.drop_table("schedule_run")
    op.drop_index("ix_session_of_schedule", table_name="session")
    op.drop_index("ix_schedule_due_at", table_name="schedule")
    op.drop_index("ix_schedule_kept", table_name="schedule")
    op.drop_table("schedule")
