"""Reviews of pull requests: which commit, by which session, and what came of it."""

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from cogmill.models.metadata import BigId, Json, metadata

ORIGIN = "other"
"""Of sessions that review, and of no others: the contract has no origin for them."""

pr_review = Table(
    "pr_review",
    metadata,
    Column("pr_review_id", String, primary_key=True),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("session", BigId, ForeignKey("session.id"), nullable=False, index=True),
    Column("pull_request_id", String, comment="at the built-in forge; null: it lies at a provider"),
    Column("git_connection_id", String, comment="the provider"),
    Column("provider_path", String, comment="the repository there"),
    Column("repo_path", String, nullable=False, comment="with the host in front, as answers show it"),
    Column("number", Integer, nullable=False),
    Column("commit_sha", String, nullable=False),
    Column("status", String, nullable=False, comment="pending, running, completed or errored"),
    Column("detail", Text, comment="why it errored, or why it is not over yet"),
    Column("report", Json, comment="summary and findings, as the session gave them"),
    Column("attempts", Integer, nullable=False, comment="at writing it at the provider"),
    Column("check_at", Float(53), comment="when it is looked at next; null: it is over"),
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Index(None, "org_id", "pull_request_id", "pr_review_id"),
    Index(None, "org_id", "git_connection_id", "number", "pr_review_id"),
    Index(
        "ix_pr_review_check_at",
        "check_at",
        sqlite_where=text("check_at IS NOT NULL"),
        postgresql_where=text("check_at IS NOT NULL"),
    ),
)
