"""Which repositories are indexed, the jobs that index them, and who searched."""

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text

from cogmill.models.metadata import BigId, metadata

indexed_repository = Table(
    "indexed_repository",
    metadata,
    Column("org_id", ForeignKey("organization.org_id"), primary_key=True),
    Column("repository_path", String, primary_key=True),
    Column("default_branch", String, comment="searched when the caller names none"),
    Column("fetch_job", String, comment="the newest job that fetches it; null: its branches are known"),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
)

indexed_branch = Table(
    "indexed_branch",
    metadata,
    Column("org_id", ForeignKey("organization.org_id"), primary_key=True),
    Column("repository_path", String, primary_key=True),
    Column("branch_name", String, primary_key=True),
    Column("latest_job", String, comment="the newest job of this branch"),
    Column("completed_job", String, comment="the newest one that is done"),
)

index_job = Table(
    "index_job",
    metadata,
    Column("job_id", String, primary_key=True),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("repository_path", String, nullable=False),
    Column("branch_name", String, nullable=False, comment="empty: the job fetches the repository"),
    Column("commit_hash", String, nullable=False, comment="empty: the job fetches the repository"),
    Column("status", String, nullable=False, comment="queued, running, done or failed"),
    Column("attempt", Integer, nullable=False, comment="counts claims: only the latest one may write"),
    Column("created_at", Float(53), nullable=False),
    Column("started_at", Float(53)),
    Column("finished_at", Float(53)),
    Column("files_total", Integer, nullable=False, comment="contents that the index did not have"),
    Column("files_done", Integer, nullable=False),
    Column("files_parsed", Integer, nullable=False),
    Column("files_skipped", Integer, nullable=False),
    Column("error", Text),
    Index(None, "status", "job_id"),
    Index(None, "org_id", "job_id"),
    Index(None, "org_id", "repository_path", "job_id"),
)

code_search = Table(
    "code_search",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("user_id", String, comment="who searched: a person, or"),
    Column("service_user_id", String, comment="a service user"),
    Column("kind", String, nullable=False, comment="symbols or text"),
    Column("created_at", Float(53), nullable=False),
    Index(None, "org_id", "created_at"),
)
