"""Who there is: enterprise, organizations, people, service users, their keys and roles."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, String, Table

from cogmill.models.metadata import BigId, Json, metadata

enterprise = Table(
    "enterprise",
    metadata,
    Column("enterprise_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("created_at", Float(53), nullable=False),
)

organization = Table(
    "organization",
    metadata,
    Column("org_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("name", String, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("deleted_at", Float(53)),
)

user = Table(
    "user_account",
    metadata,
    Column("user_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("email", String, nullable=False, unique=True),
    Column("name", String),
    Column("created_at", Float(53), nullable=False),
    Column("deleted_at", Float(53)),
)

service_user = Table(
    "service_user",
    metadata,
    Column("service_user_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("org_id", ForeignKey("organization.org_id"), comment="null: of the enterprise"),
    Column("name", String, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("expires_at", Float(53)),
    Column("deleted_at", Float(53)),
)

role = Table(
    "role",
    metadata,
    Column("role_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("name", String, nullable=False),
    Column("role_type", String, nullable=False, comment="enterprise or org"),
    Column("internal_name", String, comment="set for default roles; their permissions are in code"),
    Column("permissions", Json, nullable=False),
)

role_assignment = Table(
    "role_assignment",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("principal_id", String, nullable=False, comment="user_id or service_user_id"),
    Column("org_id", ForeignKey("organization.org_id"), comment="null: at enterprise tier"),
    Column("role_id", ForeignKey("role.role_id"), nullable=False),
    Column("created_at", Float(53), nullable=False),
    Index(None, "principal_id", "org_id"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("api_key_id", String, primary_key=True),
    Column("token_hash", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("service_user_id", ForeignKey("service_user.service_user_id"), index=True),
    Column("user_id", ForeignKey("user_account.user_id"), index=True),
    Column("created_at", Float(53), nullable=False),
    Column("expires_at", Float(53)),
    Column("last_used_at", Float(53)),
    Column("revoked_at", Float(53)),
    Column("legacy", Boolean, nullable=False, default=False),
)
