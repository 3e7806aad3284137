"""Schedules and what became of their runs."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from cogmill.models.metadata import BigId, Json, metadata, where_set

schedule = Table(
    "schedule",
    metadata,
    Column("id", BigId, primary_key=True, comment="order of creation; the key of pages"),
    Column("schedule_id", String, nullable=False, unique=True),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("name", String, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("agent", String, nullable=False),
    Column("schedule_type", String, nullable=False, comment="recurring or one_time"),
    Column("frequency", String, comment="cron, read as UTC"),
    Column("interval_count", Integer, nullable=False),
    Column("scheduled_at", Float(53)),
    Column("target_devin_id", String, comment="the session that is written to instead of a new one"),
    Column("playbook_id", String),
    Column("tags", Json),
    Column("platform", String),
    Column("bypass_approval", Boolean, nullable=False),
    Column("notify_on", String, nullable=False),
    Column("overlap", String, nullable=False, comment="skip or allow"),
    Column("slack_channel_id", String),
    Column("slack_team_id", String),
    Column("enabled", Boolean, nullable=False),
    Column("user_id", String, comment="of the person who made it, or"),
    Column("service_user_id", String, comment="of the service user who did; runs as them"),
    Column("run_as_user_id", String),
    Column("created_by", String, nullable=False, comment="as shown: with create_as_user_id that user"),
    Column("last_edited_by", String),
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("deleted_at", Float(53)),
    Column("due_at", Float(53), comment="of the next run; null: none will come"),
    Column("last_executed_at", Float(53)),
    Column("last_error_at", Float(53)),
    Column("last_error_message", Text),
    Column("consecutive_failures", Integer, nullable=False),
    Column("last_session_id", String(38)),
    Column("runs", Integer, nullable=False, comment="how many there were; the number of the last one"),
    Index(
        "ix_schedule_kept", "org_id", "id",
        sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL"),
    ),
    where_set("due_at", "due_at"),
)  # fmt: skip

schedule_block = Table(
    "schedule_block",
    metadata,
    Column("org_id", ForeignKey("organization.org_id"), primary_key=True),
    Column("block", BigId, primary_key=True, autoincrement=False, comment="of 1024 ids of schedules"),
    Column("kept", Integer, nullable=False, comment="how many of them are the organization's and not deleted"),
    sqlite_with_rowid=False,
)

schedule_run = Table(
    "schedule_run",
    metadata,
    Column("schedule", BigId, ForeignKey("schedule.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("due_at", Float(53), nullable=False),
    Column("ran_at", Float(53), nullable=False),
    Column("outcome", String, nullable=False, comment="started, messaged, skipped or failed"),
    Column("session_id", String(38)),
    Column("error", Text),
    Column("is_catch_up", Boolean, nullable=False),
    Column("missed", Integer, nullable=False, comment="further runs that fell due meanwhile and are left out"),
    sqlite_with_rowid=False,
)
