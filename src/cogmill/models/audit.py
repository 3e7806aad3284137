"""What was changed by whom, and answers to repeated requests; written in the transaction of the change."""

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, String, Table, text

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
    Column(
        "chain",
        String,
        nullable=False,
        server_default=text("''"),
        comment="keyed hash over this record and the chain of the one before",
    ),
    Index(None, "enterprise_id", "id"),
    Index(None, "enterprise_id", "action", "id"),
    Index(None, "org_id", "id"),
    Index(None, "org_id", "action", "id"),
    Index(None, "enterprise_id", "created_at"),
)

idempotent_request = Table(
    "idempotent_request",
    metadata,
    Column("principal_id", String, primary_key=True),
    Column("key", String, primary_key=True, comment="what the caller sent as Idempotency-Key"),
    Column("fingerprint", String, nullable=False, comment="hash of method, path and body"),
    Column("status", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False, comment="encrypted where it may hold a token"),
    Column("created_at", Float(53), nullable=False, index=True),
    comment="answers kept for repeated requests, written in the transaction of the change",
    sqlite_with_rowid=False,
)
