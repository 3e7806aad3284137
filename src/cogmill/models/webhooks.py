"""Outgoing webhooks: who wants to be told of what, and every telling with its attempts."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from cogmill.models.metadata import metadata, where_set

webhook = Table(
    "webhook",
    metadata,
    Column("webhook_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("org_id", ForeignKey("organization.org_id"), comment="null: hears of every organization"),
    Column("url", String, nullable=False),
    Column("description", String),
    Column("event_types", String, nullable=False, comment="names and groups, with spaces between; empty: all"),
    Column("is_enabled", Boolean, nullable=False),
    Column("disabled_reason", String, comment="set when the server switched it off"),
    Column("failing_since", Float(53), comment="of the first failure since the last success"),
    Column("sealed", Text, comment="the secret that signs; null when deleted"),
    Column("sealed_before", Text, comment="the one before, which signs too until it expires"),
    Column("before_until", Float(53)),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("updated_by", String, nullable=False),
    Column("deleted_at", Float(53), comment="its deliveries are removed in the background, then the row"),
    Index(None, "org_id", "enterprise_id", "webhook_id"),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("delivery_id", String, primary_key=True, comment="sent as webhook-id, the same in every attempt"),
    Column("webhook_id", ForeignKey("webhook.webhook_id"), nullable=False),
    Column("event_type", String, nullable=False),
    Column("body", Text, nullable=False, comment="the bytes that are signed and sent"),
    Column("state", String, nullable=False, comment="pending, sending, delivered or failed"),
    Column("attempt", Integer, nullable=False, comment="of the newest attempt, counted from 1"),
    Column("attempt_base", Integer, nullable=False, comment="attempts before the last replay"),
    Column("due_at", Float(53), comment="of the next attempt; while sending: when the attempt counts as lost"),
    Column("created_at", Float(53), nullable=False),
    Index(None, "webhook_id", "delivery_id"),
    Index(None, "webhook_id", "state", "delivery_id"),
    Index(None, "created_at"),
    where_set("due_at", "webhook_id", "due_at", called="ix_webhook_delivery_due"),
)

webhook_attempt = Table(
    "webhook_attempt",
    metadata,
    Column("delivery_id", ForeignKey("webhook_delivery.delivery_id"), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("at", Float(53), nullable=False),
    Column("status_code", Integer),
    Column("duration_ms", Integer, nullable=False),
    Column("error", String),
    Column("excerpt", Text, comment="the beginning of the answer"),
)
