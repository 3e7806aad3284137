"""What is known about sessions that came to an end: work that waits, and what came of it."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, text

from cogmill.models.metadata import BigId, Json, metadata

session_insight = Table(
    "session_insight",
    metadata,
    Column("session", BigId, ForeignKey("session.id"), primary_key=True),
    Column("org_id", String, nullable=False),
    Column("status", String, nullable=False, comment="queued, running, done or failed"),
    Column("is_asked_for", Boolean, nullable=False, comment="the whole analysis, whatever the size"),
    Column("attempt", Integer, nullable=False, comment="grows with every claim; writes of an older one are refused"),
    Column("queued_at", Float(53), nullable=False),
    Column("analysis", Json, comment="as the API shows it; null: none yet"),
    Column("messages", Integer, comment="how many were said when it was made"),
    Column("made_at", Float(53)),
    Index(
        "ix_session_insight_waiting",
        "queued_at",
        sqlite_where=text("status = 'queued'"),
        postgresql_where=text("status = 'queued'"),
    ),
    Index(
        "ix_session_insight_running",
        "session",
        sqlite_where=text("status = 'running'"),
        postgresql_where=text("status = 'running'"),
    ),
)
