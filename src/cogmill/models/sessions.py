"""Sessions, their append-only event log and what hangs on them."""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, false, text

from cogmill.models.metadata import BigId, Json, metadata

session = Table(
    "session",
    metadata,
    Column("id", BigId, primary_key=True, comment="order of creation; the key of pages"),
    Column("session_id", String(38), nullable=False, unique=True, comment="devin- and 32 hex digits"),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("user_id", String),
    Column("service_user_id", String),
    Column("origin", String, nullable=False),
    Column("title", String),
    Column("prompt", Text, nullable=False),
    Column("agent", String, comment="null: chosen when the session starts"),
    Column("request", Json, nullable=False, comment="the other documented fields of create, as accepted"),
    Column("tags", Json, nullable=False),
    Column("playbook_id", String),
    Column("schedule_id", String),
    Column("parent_session_id", String(38)),
    Column("category", String),
    Column("subcategory", String),
    Column("max_acu_limit", Integer),
    Column("is_archived", Boolean, nullable=False),
    Column("created_at", Float(53), nullable=False),
    # What follows is rebuilt from the event log (domain/sessions/states.py).
    Column("status", String, nullable=False),
    Column("status_detail", String),
    Column("updated_at", Float(53), nullable=False),
    Column("last_seq", Integer, nullable=False, comment="of the newest event; gapless"),
    Column("acus_micro", BigInteger, nullable=False, comment="consumed, in millionths of an ACU"),
    Column("usd_micro", BigInteger, nullable=False, comment="model cost, in millionths of a US dollar"),
    Column("structured_output", Json),
    Column("user_messages", Integer, nullable=False, server_default="0"),
    Column("devin_messages", Integer, nullable=False, server_default="0"),
    Column("has_searched", Boolean, nullable=False, server_default=false(), comment="its agent searched indexed code"),
    # Who may write as the runner, and whether somebody should run it.
    Column("epoch", Integer, nullable=False, comment="grows with every claim; a runner of an older one is refused"),
    Column("run_state", String, nullable=False, comment="idle, queued or running"),
    Column("idle_since", Float(53), comment="set while it waits for the user"),
    Column("active_since", Float(53), comment="up to when its run has booked ACUs; null while nobody runs it"),
    Column("outpost_id", String(44), comment="whose workers run it; null: this server"),
    Index(None, "org_id", "id"),
    Index(None, "org_id", "created_at", "id"),
    Index(None, "org_id", "is_archived", "id"),
    Index(None, "org_id", "category", "id"),
    Index(None, "org_id", "origin", "id"),
    Index(None, "org_id", "updated_at", "id"),
    Index(None, "org_id", "user_id", "id"),
    Index(None, "org_id", "service_user_id", "id"),
    Index(None, "org_id", "playbook_id", "id"),
    Index(None, "parent_session_id"),
    # The same for all organizations together.
    Index(None, "created_at", "id"),
    Index(None, "updated_at", "id"),
    Index(None, "origin", "id"),
    *(
        Index(None, name, "id", sqlite_where=text(f"{name} IS NOT NULL"), postgresql_where=text(f"{name} IS NOT NULL"))
        for name in ("category", "user_id", "service_user_id", "playbook_id", "schedule_id")
    ),
    Index(
        "ix_session_of_person",
        "user_id",
        "created_at",
        sqlite_where=text("user_id IS NOT NULL"),
        postgresql_where=text("user_id IS NOT NULL"),
    ),
    Index("ix_session_archived", "id", sqlite_where=text("is_archived = 1"), postgresql_where=text("is_archived")),
    Index(
        "ix_session_of_schedule",
        "org_id",
        "schedule_id",
        "id",
        sqlite_where=text("schedule_id IS NOT NULL"),
        postgresql_where=text("schedule_id IS NOT NULL"),
    ),
    Index(
        "ix_session_runnable",
        "id",
        sqlite_where=text("run_state <> 'idle'"),
        postgresql_where=text("run_state <> 'idle'"),
    ),
    Index(
        "ix_session_busy",
        "org_id",
        "run_state",
        "created_at",
        sqlite_where=text("run_state <> 'idle'"),
        postgresql_where=text("run_state <> 'idle'"),
    ),
    Index(
        "ix_session_idle_since",
        "idle_since",
        sqlite_where=text("idle_since IS NOT NULL"),
        postgresql_where=text("idle_since IS NOT NULL"),
    ),
)

session_once = Table(
    "session_once",
    metadata,
    Column("org_id", String, primary_key=True),
    Column("principal_id", String, primary_key=True),
    Column("fingerprint", String, primary_key=True, comment="keyed hash of the whole request"),
    Column("session_id", String, comment="null only within the transaction that creates it"),
    comment="sessions that were asked for with idempotent: the same request finds them again",
    sqlite_with_rowid=False,
)

session_label = Table(
    "session_label",
    metadata,
    Column("org_id", String, primary_key=True),
    Column("kind", String, primary_key=True, comment="tag or repo"),
    Column("value", String, primary_key=True),
    Column("session", BigId, ForeignKey("session.id"), primary_key=True),
    Index(None, "session"),
    Index(None, "kind", "value", "session"),
    comment="tags and repositories of sessions, for the list filters",
    sqlite_with_rowid=False,
)

session_event = Table(
    "session_event",
    metadata,
    Column("session", BigId, ForeignKey("session.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("event_type", String, nullable=False),
    Column("category", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("summary", Text, nullable=False),
    Column("contents", Text, nullable=False, comment="a JSON object, secrets redacted"),
    sqlite_with_rowid=False,
)

session_secret = Table(
    "session_secret",
    metadata,
    Column("session", BigId, ForeignKey("session.id"), primary_key=True),
    Column("name", String, primary_key=True, comment="the environment variable"),
    Column("sealed", Text, nullable=False),
    Column("is_sensitive", Boolean, nullable=False),
    Column("kind", String, nullable=False, server_default="key-value"),
)

session_attachment = Table(
    "session_attachment",
    metadata,
    Column("session", BigId, ForeignKey("session.id"), primary_key=True),
    Column("attachment_id", ForeignKey("attachment.attachment_id"), primary_key=True),
    Column("source", String, nullable=False, comment="user or devin"),
)

pull_request = Table(
    "pull_request",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("pull_request_id", String, nullable=False, unique=True),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("session", BigId, ForeignKey("session.id"), nullable=False, index=True),
    Column("repo", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("title", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("branch", String, nullable=False),
    Column("base_branch", String, nullable=False),
    Column("base_commit", String, nullable=False),
    Column("head_commit", String, nullable=False),
    Column("url", String, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("git_connection_id", String, comment="null: it lies at the built-in forge"),
    Column("provider_path", String, comment="the repository there"),
    Column("check_at", Float(53), comment="when its state is asked for next; null: never again"),
    Column("close_attempts", Integer, comment="of closing it at its provider; null: nobody wants it closed"),
    Index(
        "ix_pull_request_org_id_repo_number",
        "org_id",
        "repo",
        "number",
        unique=True,
        sqlite_where=text("git_connection_id IS NULL"),
        postgresql_where=text("git_connection_id IS NULL"),
    ),
    Index(
        "ix_pull_request_check_at",
        "check_at",
        sqlite_where=text("check_at IS NOT NULL"),
        postgresql_where=text("check_at IS NOT NULL"),
    ),
    Index(None, "git_connection_id", "provider_path", "number"),
    Index(None, "org_id", "created_at"),
)
