"""People, groups, organization limits and tags, address list, the audit chain, answers to repeated requests."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotent_request",
        sa.Column("principal_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False, comment="what the caller sent as Idempotency-Key"),
        sa.Column("fingerprint", sa.String(), nullable=False, comment="hash of method, path and body"),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False, comment="encrypted where it may hold a token"),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("principal_id", "key", name=op.f("pk_idempotent_request")),
        comment="answers kept for repeated requests, written in the transaction of the change",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("idempotent_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotent_request_created_at"), ["created_at"], unique=False)

    op.create_table(
        "idp_group",
        sa.Column("idp_group_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_idp_group_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("idp_group_id", name=op.f("pk_idp_group")),
    )
    with op.batch_alter_table("idp_group", schema=None) as batch_op:
        batch_op.create_index("uq_idp_group_enterprise_id_name", ["enterprise_id", "name"], unique=True)

    op.create_table(
        "ip_range",
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("range", sa.String(), nullable=False, comment="CIDR, normalised"),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_ip_range_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("enterprise_id", "range", name=op.f("pk_ip_range")),
        comment="addresses that callers may come from; none: any",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "organization_group",
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("max_cycle_acus", sa.BigInteger(), nullable=True, comment="null: no limit"),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_organization_group_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("enterprise_id", "name", name=op.f("pk_organization_group")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idp_group_member",
        sa.Column("idp_group_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["idp_group_id"], ["idp_group.idp_group_id"], name=op.f("fk_idp_group_member_idp_group_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.user_id"], name=op.f("fk_idp_group_member_user_id")),
        sa.PrimaryKeyConstraint("idp_group_id", "user_id", name=op.f("pk_idp_group_member")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("idp_group_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idp_group_member_user_id"), ["user_id"], unique=False)

    op.create_table(
        "organization_group_member",
        sa.Column("org_id", sa.String(), nullable=False, comment="in one group only"),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("group_name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_organization_group_member_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_organization_group_member_org_id")),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_organization_group_member")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("organization_group_member", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_organization_group_member_enterprise_id_group_name"),
            ["enterprise_id", "group_name"],
            unique=False,
        )

    op.create_table(
        "organization_tag",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="order in which they were given"),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_organization_tag_org_id")),
        sa.PrimaryKeyConstraint("org_id", "tag", name=op.f("pk_organization_tag")),
        comment="tags that sessions of the organization may carry; none: any",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "user_identity",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.user_id"], name=op.f("fk_user_identity_user_id")),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_user_identity")),
        comment="accounts at OpenID Connect providers",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("user_identity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_user_identity_user_id"), ["user_id"], unique=False)

    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("org_id", sa.String(), nullable=True, comment="of a legacy key of an organization")
        )
        batch_op.create_index(batch_op.f("ix_api_key_org_id"), ["org_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_api_key_org_id"), "organization", ["org_id"], ["org_id"])

    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "chain",
                sa.String(),
                server_default=sa.text("''"),
                nullable=False,
                comment="keyed hash over this record and the chain of the one before",
            )
        )
        batch_op.create_index(
            batch_op.f("ix_audit_log_enterprise_id_action_id"), ["enterprise_id", "action", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_audit_log_enterprise_id_created_at"), ["enterprise_id", "created_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_audit_log_org_id_action_id"), ["org_id", "action", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_log_org_id_id"), ["org_id", "id"], unique=False)

    with op.batch_alter_table("organization", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "updated_at", sa.Float(precision=53), nullable=True, comment="null: never changed since it was made"
            )
        )
        batch_op.add_column(sa.Column("max_session_acu_limit", sa.BigInteger(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "max_cycle_acu_limit", sa.BigInteger(), nullable=True, comment="null: no limit, 0: nothing may run"
            )
        )
        batch_op.add_column(sa.Column("default_tag", sa.String(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_organization_enterprise_id_org_id"), ["enterprise_id", "org_id"], unique=False
        )

    with op.batch_alter_table("role_assignment", schema=None) as batch_op:
        batch_op.alter_column(
            "principal_id",
            comment="user_id, service_user_id or idp_group_id",
            existing_comment="user_id or service_user_id",
            existing_type=sa.String(),
            existing_nullable=False,
        )
        batch_op.drop_index(batch_op.f("ix_role_assignment_principal_id_org_id"))
        batch_op.create_index(
            batch_op.f("ix_role_assignment_org_id_principal_id"), ["org_id", "principal_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_role_assignment_role_id"), ["role_id"], unique=False)
        batch_op.create_index(
            "uq_role_assignment_principal_id",
            ["principal_id"],
            unique=True,
            sqlite_where=sa.text("org_id IS NULL"),
            postgresql_where=sa.text("org_id IS NULL"),
        )
        batch_op.create_index(
            "uq_role_assignment_principal_id_org_id",
            ["principal_id", "org_id"],
            unique=True,
        )

    with op.batch_alter_table("service_user", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_service_user_enterprise_id_service_user_id"),
            ["enterprise_id", "service_user_id"],
            unique=False,
        )

    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "password_hash",
                sa.String(),
                nullable=True,
                comment="argon2id; null: signs in elsewhere, or has not set one yet",
            )
        )
        batch_op.add_column(
            sa.Column(
                "sign_in_epoch",
                sa.Integer(),
                server_default="0",
                nullable=False,
                comment="grows with 'sign out everywhere'",
            )
        )
        batch_op.create_index(
            batch_op.f("ix_user_account_enterprise_id_user_id"), ["enterprise_id", "user_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_user_account_enterprise_id_user_id"))
        batch_op.drop_column("sign_in_epoch")
        batch_op.drop_column("password_hash")

    with op.batch_alter_table("service_user", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_service_user_enterprise_id_service_user_id"))

    with op.batch_alter_table("role_assignment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_role_assignment_principal_id_org_id",
        )
        batch_op.drop_index(
            "uq_role_assignment_principal_id",
            sqlite_where=sa.text("org_id IS NULL"),
            postgresql_where=sa.text("org_id IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_role_assignment_role_id"))
        batch_op.drop_index(batch_op.f("ix_role_assignment_org_id_principal_id"))
        batch_op.create_index(
            batch_op.f("ix_role_assignment_principal_id_org_id"), ["principal_id", "org_id"], unique=False
        )
        batch_op.alter_column(
            "principal_id",
            comment="user_id or service_user_id",
            existing_comment="user_id, service_user_id or idp_group_id",
            existing_type=sa.String(),
            existing_nullable=False,
        )

    with op.batch_alter_table("organization", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_organization_enterprise_id_org_id"))
        batch_op.drop_column("default_tag")
        batch_op.drop_column("max_cycle_acu_limit")
        batch_op.drop_column("max_session_acu_limit")
        batch_op.drop_column("updated_at")

    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_log_org_id_id"))
        batch_op.drop_index(batch_op.f("ix_audit_log_org_id_action_id"))
        batch_op.drop_index(batch_op.f("ix_audit_log_enterprise_id_created_at"))
        batch_op.drop_index(batch_op.f("ix_audit_log_enterprise_id_action_id"))
        batch_op.drop_column("chain")

    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_api_key_org_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_api_key_org_id"))
        batch_op.drop_column("org_id")

    with op.batch_alter_table("user_identity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_user_identity_user_id"))

    op.drop_table("user_identity")
    op.drop_table("organization_tag")
    with op.batch_alter_table("organization_group_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_organization_group_member_enterprise_id_group_name"))

    op.drop_table("organization_group_member")
    with op.batch_alter_table("idp_group_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idp_group_member_user_id"))

    op.drop_table("idp_group_member")
    op.drop_table("organization_group")
    op.drop_table("ip_range")
    with op.batch_alter_table("idp_group", schema=None) as batch_op:
        batch_op.drop_index("uq_idp_group_enterprise_id_name")

    op.drop_table("idp_group")
    with op.batch_alter_table("idempotent_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idempotent_request_created_at"))

    op.drop_table("idempotent_request")
