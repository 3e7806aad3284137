"""Code scans: profiles, scans, findings and which scans reported them; the session of a scan names it."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "session", sa.Column("scan_id", sa.String(), nullable=True, comment="the code scan that it carries out")
    )
    _profiles()
    _scans()
    _findings()
    _sightings()


def _profiles() -> None:
    op.create_table(
        "code_scan_profile",
        sa.Column("profile_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=True, comment="null: for every organization"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("mode", sa.String(), nullable=False, comment="discover or ingest"),
        sa.Column("scan_type", sa.String(), nullable=False),
        sa.Column("include_globs", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("exclude_globs", sa.JSON(none_as_null=True), nullable=True),
        sa.Column(
            "guidance", sa.JSON(none_as_null=True), nullable=False, comment="the texts, by the names of their fields"
        ),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", sa.Float(53), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_code_scan_profile_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_code_scan_profile_org_id")),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_code_scan_profile")),
    )
    op.create_index(
        op.f("ix_code_scan_profile_enterprise_id_profile_id"),
        "code_scan_profile",
        ["enterprise_id", "profile_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_code_scan_profile_org_id_profile_id"), "code_scan_profile", ["org_id", "profile_id"], unique=False
    )


def _scans() -> None:
    op.create_table(
        "code_scan",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False, comment="order of creation; the key of pages"),
        sa.Column("scan_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("repo_name", sa.String(), nullable=False),
        sa.Column("repository", sa.String(), nullable=False, comment="as sessions clone it"),
        sa.Column("host", sa.String(), nullable=True),
        sa.Column("scan_type", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False, comment="discover or ingest"),
        sa.Column(
            "profile_id", sa.String(), nullable=True, comment="which may be gone by now, or came with the server"
        ),
        sa.Column("profile_name", sa.String(), nullable=True),
        sa.Column("commit_sha", sa.String(), nullable=True, comment="as asked for"),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False, comment="taken from its session or its attachments"),
        sa.Column("error", sa.Text(), nullable=True, comment="why the last report could not be read"),
        sa.Column(
            "attachments",
            sa.JSON(none_as_null=True),
            nullable=True,
            comment="ids of reports that the server itself has still to read",
        ),
        sa.Column("session", BIG_ID, nullable=True, comment="which carries it out"),
        sa.Column("session_id", sa.String(length=38), nullable=True),
        sa.Column(
            "user_id", sa.String(), nullable=True, comment="of the person who started it, or who has it repeated, or"
        ),
        sa.Column(
            "service_user_id", sa.String(), nullable=True, comment="of the service user who did; repeats as them"
        ),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("updated_at", sa.Float(53), nullable=False),
        sa.Column("frequency", sa.String(), nullable=True, comment="cron, read as UTC: how often it is repeated"),
        sa.Column(
            "due_at", sa.Float(53), nullable=True, comment="of the next repetition, or since when its attachments wait"
        ),
        sa.Column("repeated_scan_id", sa.String(), nullable=True, comment="the scan that this one is a repetition of"),
        sa.Column("last_repeat_id", sa.String(), nullable=True, comment="the newest repetition"),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_code_scan_org_id")),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_code_scan_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_scan")),
        sa.UniqueConstraint("scan_id", name=op.f("uq_code_scan_scan_id")),
    )
    op.create_index(
        "ix_code_scan_due_at",
        "code_scan",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_code_scan_org_id_created_at"), "code_scan", ["org_id", "created_at"], unique=False)
    op.create_index(op.f("ix_code_scan_org_id_id"), "code_scan", ["org_id", "id"], unique=False)
    op.create_index(op.f("ix_code_scan_org_id_repo_name_id"), "code_scan", ["org_id", "repo_name", "id"], unique=False)
    op.create_index(op.f("ix_code_scan_repo_name_id"), "code_scan", ["repo_name", "id"], unique=False)
    op.create_index(op.f("ix_code_scan_session"), "code_scan", ["session"], unique=False)
    op.create_index(
        "ix_code_scan_unfinished",
        "code_scan",
        ["org_id"],
        unique=False,
        sqlite_where=sa.text("status IN ('waiting', 'pending', 'running')"),
        postgresql_where=sa.text("status IN ('waiting', 'pending', 'running')"),
    )


def _findings() -> None:
    op.create_table(
        "code_scan_finding",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False, comment="order of creation; the key of pages"),
        sa.Column("finding_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("scan", BIG_ID, nullable=False, comment="which found it first"),
        sa.Column("scan_id", sa.String(), nullable=False),
        sa.Column("scan_created_at", sa.Float(53), nullable=False),
        sa.Column("repo_name", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False, comment="the same for the same thing in a later scan"),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, comment="open, dismissed or resolved"),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("recommendation", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("code_owners", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("snippets", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("related", sa.JSON(none_as_null=True), nullable=False, comment="ids of findings"),
        sa.Column("orchestrator_session_id", sa.String(length=38), nullable=True),
        sa.Column("session_id", sa.String(length=38), nullable=True, comment="which remedies it"),
        sa.Column("pr_url", sa.String(), nullable=True),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("updated_at", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_code_scan_finding_org_id")),
        sa.ForeignKeyConstraint(["scan"], ["code_scan.id"], name=op.f("fk_code_scan_finding_scan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_scan_finding")),
        sa.UniqueConstraint("finding_id", name=op.f("uq_code_scan_finding_finding_id")),
    )
    op.create_index(op.f("ix_code_scan_finding_org_id_id"), "code_scan_finding", ["org_id", "id"], unique=False)
    op.create_index(
        op.f("ix_code_scan_finding_org_id_repo_name_fingerprint_id"),
        "code_scan_finding",
        ["org_id", "repo_name", "fingerprint", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_code_scan_finding_org_id_repo_name_status_severity_id"),
        "code_scan_finding",
        ["org_id", "repo_name", "status", "severity", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_code_scan_finding_org_id_status_severity_id"),
        "code_scan_finding",
        ["org_id", "status", "severity", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_code_scan_finding_org_id_status_severity_scan_created_at"),
        "code_scan_finding",
        ["org_id", "status", "severity", "scan_created_at"],
        unique=False,
    )
    op.create_index(
        "ix_code_scan_finding_remedied",
        "code_scan_finding",
        ["org_id", "scan_created_at"],
        unique=False,
        sqlite_where=sa.text("session_id IS NOT NULL"),
        postgresql_where=sa.text("session_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_code_scan_finding_repo_name_status_severity_id_org_id"),
        "code_scan_finding",
        ["repo_name", "status", "severity", "id", "org_id"],
        unique=False,
    )
    op.create_index(op.f("ix_code_scan_finding_scan"), "code_scan_finding", ["scan"], unique=False)
    op.create_index(
        "ix_code_scan_finding_session_id",
        "code_scan_finding",
        ["session_id"],
        unique=False,
        sqlite_where=sa.text("session_id IS NOT NULL"),
        postgresql_where=sa.text("session_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_code_scan_finding_status_severity_id_org_id"),
        "code_scan_finding",
        ["status", "severity", "id", "org_id"],
        unique=False,
    )
    op.create_index(
        "uq_code_scan_finding_live",
        "code_scan_finding",
        ["org_id", "repo_name", "fingerprint"],
        unique=True,
        sqlite_where=sa.text("status <> 'resolved'"),
        postgresql_where=sa.text("status <> 'resolved'"),
    )


def _sightings() -> None:
    op.create_table(
        "code_scan_sighting",
        sa.Column("scan", BIG_ID, nullable=False),
        sa.Column("finding", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(["finding"], ["code_scan_finding.id"], name=op.f("fk_code_scan_sighting_finding")),
        sa.ForeignKeyConstraint(["scan"], ["code_scan.id"], name=op.f("fk_code_scan_sighting_scan")),
        sa.PrimaryKeyConstraint("scan", "finding", name=op.f("pk_code_scan_sighting")),
        comment="which scans reported a finding",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_code_scan_sighting_finding"), "code_scan_sighting", ["finding"], unique=False)


def downgrade() -> None:
    for table in ("code_scan_sighting", "code_scan_finding", "code_scan", "code_scan_profile"):
        op.drop_table(table)
    op.drop_column("session", "scan_id")
