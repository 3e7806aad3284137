"""Automations: what they wait for, what they do then, and each time that it happened."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, text

from cogmill.models.metadata import Json, metadata, where_set

automation = Table(
    "automation",
    metadata,
    Column("automation_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("name", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("run_as", String, nullable=False, comment="organization or creator"),
    Column("creator_id", String, comment="the user as whom it runs, when it runs as its creator"),
    Column("document", Json, nullable=False, comment="triggers, actions, limits and the rest, as accepted"),
    Column("hook_id", String, unique=True, comment="in the address of its incoming webhook"),
    Column("hook_secret", String, comment="keyed hash"),
    Column("next_at", Float(53), comment="of its schedule"),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("updated_by", String, nullable=False),
    Index(None, "org_id", "automation_id"),
    where_set("next_at", "next_at", called="ix_automation_next"),
)

automation_trigger = Table(
    "automation_trigger",
    metadata,
    Column("org_id", String, primary_key=True),
    Column("event_type", String, primary_key=True),
    Column("automation_id", ForeignKey("automation.automation_id"), primary_key=True, index=True),
    comment="events that enabled automations wait for; made from their documents",
)

automation_run = Table(
    "automation_run",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("automation_id", ForeignKey("automation.automation_id"), nullable=False),
    Column("cause", String, nullable=False, comment="the event, once for each automation"),
    Column("event_type", String, nullable=False),
    Column("event", Json, nullable=False),
    Column("state", String, nullable=False, comment="queued, done, failed or skipped"),
    Column("depth", Integer, nullable=False, comment="automations before it in the chain of causes, and itself"),
    Column("session_id", String, comment="that it started or wrote to"),
    Column("error", String),
    Column("created_at", Float(53), nullable=False),
    Column("finished_at", Float(53)),
    Index(None, "automation_id", "cause", unique=True),
    Index(None, "automation_id", "run_id"),
    Index(None, "automation_id", "created_at"),
    Index(None, "session_id"),
    Index(None, "created_at"),
    Index(
        "ix_automation_run_queued",
        "automation_id",
        "run_id",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
)
