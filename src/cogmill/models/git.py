"""Where repositories come from: connections to providers, and what organizations may use of them."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, String, Table, Text

from cogmill.models.metadata import metadata

git_connection = Table(
    "git_connection",
    metadata,
    Column("git_connection_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("kind", String, nullable=False, comment="git_provider_type"),
    Column("name", String),
    Column("host", String, nullable=False, comment="with its port, if that is not the usual one"),
    Column("address", String, nullable=False, comment="what addresses of repositories begin with"),
    Column("api_address", String, comment="null: the usual one of its kind"),
    Column("sealed", Text, nullable=False, comment="credentials as a JSON object"),
    Column("sealed_webhook", Text, nullable=False, comment="secret of its webhook"),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Index(None, "enterprise_id", "git_connection_id"),
)

git_permission = Table(
    "git_permission",
    metadata,
    Column("git_permission_id", String, primary_key=True),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("git_connection_id", ForeignKey("git_connection.git_connection_id"), nullable=False, index=True),
    Column("kind", String, nullable=False, comment="repo_path, group_prefix or prefix_path"),
    Column("path", String, nullable=False),
    Column("read_only", Boolean, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Index(None, "org_id", "git_permission_id"),
    Index(None, "org_id", "git_connection_id", "kind", "path", unique=True),
)
