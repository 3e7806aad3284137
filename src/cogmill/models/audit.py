"""What was changed by whom; written in the transaction of the change."""

from sqlalchemy import Column, Float, Index, String, Table

from cogmill.models.metadata import BigId, Json, metadata

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("audit_log_id", String, nullable=False),
    Column("enterprise_id", String, nullable=False),
    Column("org_id", String),
    Column("action", String, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("user_id", String),
    Column("service_user_id", String),
    Column("request_id", String, nullable=False),
    Column("data", Json, nullable=False),
    Index(None, "enterprise_id", "id"),
)
