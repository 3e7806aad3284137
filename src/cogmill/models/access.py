"""Who there is: enterprise, organizations, people, service users, groups, their keys and roles."""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, text

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
    Column("updated_at", Float(53), comment="null: never changed since it was made"),
    Column("max_session_acu_limit", BigInteger),
    Column("max_cycle_acu_limit", BigInteger, comment="null: no limit, 0: nothing may run"),
    Column("default_tag", String),
    Column("purge_begun_at", Float(53), comment="from here on it cannot be restored"),
    Column("purged_at", Float(53), comment="its data is gone; the row stays, so that its id reads as deleted"),
    Column("default_platform", String, comment="null: the server's"),
    Index(None, "enterprise_id", "org_id"),
    Index(
        "ix_organization_deleted_at",
        "deleted_at",
        sqlite_where=text("purged_at IS NULL AND deleted_at IS NOT NULL"),
        postgresql_where=text("purged_at IS NULL AND deleted_at IS NOT NULL"),
    ),
)

organization_tag = Table(
    "organization_tag",
    metadata,
    Column("org_id", ForeignKey("organization.org_id"), primary_key=True),
    Column("tag", String, primary_key=True),
    Column("position", Integer, nullable=False, comment="order in which they were given"),
    comment="tags that sessions of the organization may carry; none: any",
    sqlite_with_rowid=False,
)

organization_group = Table(
    "organization_group",
    metadata,
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("max_cycle_acus", BigInteger, comment="null: no limit"),
    sqlite_with_rowid=False,
)

organization_group_member = Table(
    "organization_group_member",
    metadata,
    Column("org_id", ForeignKey("organization.org_id"), primary_key=True, comment="in one group only"),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("group_name", String, nullable=False),
    Index(None, "enterprise_id", "group_name"),
    sqlite_with_rowid=False,
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
    Column("password_hash", String, comment="argon2id; null: signs in elsewhere, or has not set one yet"),
    Column("sign_in_epoch", Integer, nullable=False, server_default="0", comment="grows with 'sign out everywhere'"),
    Column("disabled_at", Float(53), comment="switched off: no sign-in, no key works"),
    Index(None, "enterprise_id", "user_id"),
)

user_identity = Table(
    "user_identity",
    metadata,
    Column("issuer", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("user_id", ForeignKey("user_account.user_id"), nullable=False, index=True),
    comment="accounts at OpenID Connect providers",
    sqlite_with_rowid=False,
)

browser_session = Table(
    "browser_session",
    metadata,
    Column("browser_session_id", String, primary_key=True),
    Column("token_hash", String, nullable=False, unique=True),
    Column("user_id", ForeignKey("user_account.user_id"), nullable=False, index=True),
    Column("sign_in_epoch", Integer, nullable=False, comment="the user's, when it began"),
    Column("created_at", Float(53), nullable=False),
    Column("last_used_at", Float(53), nullable=False),
)

invitation = Table(
    "invitation",
    metadata,
    Column(
        "user_id",
        ForeignKey("user_account.user_id"),
        primary_key=True,
        comment="one for each user: a newer one replaces it",
    ),
    Column("token_hash", String, nullable=False, unique=True),
    Column("sign_in_epoch", Integer, nullable=False, comment="the user's, when it was made"),
    Column("created_at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False),
)

idp_group = Table(
    "idp_group",
    metadata,
    Column("idp_group_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("name", String, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Index("uq_idp_group_enterprise_id_name", "enterprise_id", "name", unique=True),
)

idp_group_member = Table(
    "idp_group_member",
    metadata,
    Column("idp_group_id", ForeignKey("idp_group.idp_group_id"), primary_key=True),
    Column("user_id", ForeignKey("user_account.user_id"), primary_key=True),
    Index(None, "user_id"),
    sqlite_with_rowid=False,
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
    Index(None, "enterprise_id", "service_user_id"),
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
    Column("principal_id", String, nullable=False, comment="user_id, service_user_id or idp_group_id"),
    Column("org_id", ForeignKey("organization.org_id"), comment="null: at enterprise tier"),
    Column("role_id", ForeignKey("role.role_id"), nullable=False),
    Column("created_at", Float(53), nullable=False),
    Index("uq_role_assignment_principal_id_org_id", "principal_id", "org_id", unique=True),
    Index(
        "uq_role_assignment_principal_id",
        "principal_id",
        unique=True,
        sqlite_where=text("org_id IS NULL"),
        postgresql_where=text("org_id IS NULL"),
    ),
    Index(None, "org_id", "principal_id"),
    Index(None, "role_id"),
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
    Column("org_id", ForeignKey("organization.org_id"), index=True, comment="of a legacy key of an organization"),
)

legacy_call = Table(
    "legacy_call",
    metadata,
    Column("api_key_id", ForeignKey("api_key.api_key_id"), primary_key=True),
    Column("operation", String, primary_key=True),
    Column("day", Integer, primary_key=True, comment="days since 1970, UTC"),
    Column("calls", BigInteger, nullable=False),
    Column("last_at", Float(53), nullable=False),
    Index(None, "day"),
    comment="how often each key called each operation of the old APIs",
    sqlite_with_rowid=False,
)

ip_range = Table(
    "ip_range",
    metadata,
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), primary_key=True),
    Column("range", String, primary_key=True, comment="CIDR, normalised"),
    Column("position", Integer, nullable=False),
    comment="addresses that callers may come from; none: any",
    sqlite_with_rowid=False,
)
