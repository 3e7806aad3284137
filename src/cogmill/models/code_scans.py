"""Code scans, the profiles that they follow, and what they found."""

from typing import Any

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from cogmill.models.metadata import BigId, Json, metadata


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


code_scan_profile = Table(
    "code_scan_profile",
    metadata,
    Column("profile_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("org_id", ForeignKey("organization.org_id"), comment="null: for every organization"),
    Column("name", String, nullable=False),
    Column("description", Text),
    Column("mode", String, nullable=False, comment="discover or ingest"),
    Column("scan_type", String, nullable=False),
    Column("include_globs", Json),
    Column("exclude_globs", Json),
    Column("guidance", Json, nullable=False, comment="the texts, by the names of their fields"),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("updated_by", String, nullable=False),
    Index(None, "enterprise_id", "profile_id"),
    Index(None, "org_id", "profile_id"),
)

code_scan = Table(
    "code_scan",
    metadata,
    Column("id", BigId, primary_key=True, comment="order of creation; the key of pages"),
    Column("scan_id", String, nullable=False, unique=True),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("repo_name", String, nullable=False),
    Column("repository", String, nullable=False, comment="as sessions clone it"),
    Column("host", String),
    Column("scan_type", String, nullable=False),
    Column("mode", String, nullable=False, comment="discover or ingest"),
    Column("profile_id", String, comment="which may be gone by now, or came with the server"),
    Column("profile_name", String),
    Column("commit_sha", String, comment="as asked for"),
    Column("status", String, nullable=False),
    Column("reports", Integer, nullable=False, comment="taken from its session or its attachments"),
    Column("error", Text, comment="why the last report could not be read"),
    Column("problems", Json, comment="what of its reports could not be taken, the first ones"),
    Column("attachments", Json, comment="ids of reports that the server itself has still to read"),
    Column("session", BigId, ForeignKey("session.id"), comment="which carries it out"),
    Column("session_id", String(38)),
    Column("user_id", String, comment="of the person who started it, or who has it repeated, or"),
    Column("service_user_id", String, comment="of the service user who did; repeats as them"),
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("frequency", String, comment="cron, read as UTC: how often it is repeated"),
    Column("due_at", Float(53), comment="of the next repetition, or since when its attachments wait"),
    Column("repeated_scan_id", String, comment="the scan that this one is a repetition of"),
    Column("last_repeat_id", String, comment="the newest repetition"),
    Index(None, "org_id", "id"),
    Index(None, "org_id", "repo_name", "id"),
    Index(None, "org_id", "created_at"),
    Index(None, "repo_name", "id"),
    Index(None, "session"),
    Index("ix_code_scan_unfinished", "org_id", **_where("status IN ('waiting', 'pending', 'running')")),
    Index("ix_code_scan_due_at", "due_at", **_where("due_at IS NOT NULL")),
)

code_scan_finding = Table(
    "code_scan_finding",
    metadata,
    Column("id", BigId, primary_key=True, comment="order of creation; the key of pages"),
    Column("finding_id", String, nullable=False, unique=True),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("scan", BigId, ForeignKey("code_scan.id"), nullable=False, comment="which found it first"),
    Column("scan_id", String, nullable=False),
    Column("scan_created_at", Float(53), nullable=False),
    Column("repo_name", String, nullable=False),
    Column("fingerprint", String, nullable=False, comment="the same for the same thing in a later scan"),
    Column("severity", String, nullable=False),
    Column("status", String, nullable=False, comment="open, dismissed or resolved"),
    Column("category", String),
    Column("title", String),
    Column("description", Text),
    Column("recommendation", Text),
    Column("note", Text),
    Column("code_owners", Json, nullable=False),
    Column("snippets", Json, nullable=False),
    Column("related", Json, nullable=False, comment="ids of findings"),
    Column("orchestrator_session_id", String(38)),
    Column("session_id", String(38), comment="which remedies it"),
    Column("pr_url", String),
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Index(None, "org_id", "id"),
    Index(None, "org_id", "status", "severity", "id"),
    Index(None, "org_id", "repo_name", "status", "severity", "id"),
    Index(None, "status", "severity", "id", "org_id"),
    Index(None, "repo_name", "status", "severity", "id", "org_id"),
    Index(None, "org_id", "status", "severity", "scan_created_at"),
    Index(None, "org_id", "repo_name", "fingerprint", "id"),
    Index(
        "uq_code_scan_finding_live", "org_id", "repo_name", "fingerprint", unique=True, **_where("status <> 'resolved'")
    ),
    Index("ix_code_scan_finding_remedied", "org_id", "scan_created_at", **_where("session_id IS NOT NULL")),
    Index("ix_code_scan_finding_session_id", "session_id", **_where("session_id IS NOT NULL")),
    Index(None, "scan"),
)

code_scan_sighting = Table(
    "code_scan_sighting",
    metadata,
    Column("scan", BigId, ForeignKey("code_scan.id"), primary_key=True),
    Column("finding", BigId, ForeignKey("code_scan_finding.id"), primary_key=True),
    Index(None, "finding"),
    comment="which scans reported a finding",
    sqlite_with_rowid=False,
)
