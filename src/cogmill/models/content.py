"""What feeds sessions: files that came with prompts, secrets, playbooks."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from cogmill.models.metadata import metadata

attachment = Table(
    "attachment",
    metadata,
    Column("attachment_id", String, primary_key=True, comment="a UUID; the file lies under it in the data folder"),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("content_type", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("created_at", Float(53), nullable=False),
)

secret = Table(
    "secret",
    metadata,
    Column("secret_id", String, primary_key=True),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("user_id", ForeignKey("user_account.user_id"), comment="whose it is, if personal"),
    Column("repository", String, comment="only for sessions on this repository"),
    Column("key", String, nullable=False),
    Column("kind", String, nullable=False, comment="key-value, cookie or totp"),
    Column("note", Text),
    Column("is_sensitive", Boolean, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
    Index(None, "org_id", "secret_id"),
)

playbook = Table(
    "playbook",
    metadata,
    Column("playbook_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("org_id", ForeignKey("organization.org_id"), comment="null: shared with every organization"),
    Column("version", Integer, nullable=False, comment="of the text that stands now, counted from 1"),
    Column("title", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("macro", String, comment="with its !"),
    Column("structured_output_schema", JSON),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("updated_by", String, nullable=False),
    Index(None, "org_id", "playbook_id"),
    Index(None, "enterprise_id", "org_id", "playbook_id"),
    Index(None, "enterprise_id", "macro", "org_id"),
)

playbook_version = Table(
    "playbook_version",
    metadata,
    Column("playbook_id", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("macro", String),
    Column("structured_output_schema", JSON),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
)
