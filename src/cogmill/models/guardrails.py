"""Guardrails, and what went against them."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, String, Table, Text

from cogmill.models.metadata import BigId, metadata

guardrail = Table(
    "guardrail",
    metadata,
    Column("guardrail_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("org_id", ForeignKey("organization.org_id"), comment="null: holds in every organization"),
    Column("name", String, nullable=False),
    Column("target", String, nullable=False, comment="prompt, command, egress, path, write or secret"),
    Column("pattern", Text, nullable=False),
    Column(
        "judgement", Text, comment="what a model judges by, of texts that the pattern lets through; empty pattern: all"
    ),
    Column("when_unanswered", String, nullable=False, server_default="act", comment="of a judgement: act or pass"),
    Column("action", String, nullable=False, comment="warn, ask or block"),
    Column("is_enabled", Boolean, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, comment="null: it came with the enterprise"),
    Column("updated_at", Float(53), nullable=False),
    Column("updated_by", String),
    Index(None, "enterprise_id", "guardrail_id"),
    Index(None, "org_id"),
)

guardrail_violation = Table(
    "guardrail_violation",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("guardrail_id", String, nullable=False, comment="which may be deleted by now"),
    Column("guardrail_name", String, nullable=False),
    Column("session_id", String, comment="null: a prompt was refused, so that there is none"),
    Column("event_id", String, nullable=False, comment="of the session; of the audit record where nothing was logged"),
    Column("user_message", Text, nullable=False),
    Column("reasoning", Text, nullable=False),
    Column("confidence_score", Float(53), nullable=False),
    Column("action_taken", String, nullable=False, comment="warned, blocked, asked; then approved or declined"),
    Column("created_at", Float(53), nullable=False),
    Index(None, "org_id", "id"),
    Index(None, "guardrail_id", "id"),
    Index(None, "session_id", "event_id"),
)
