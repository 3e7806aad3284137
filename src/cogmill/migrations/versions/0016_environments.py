"""Blueprints, their files, snapshot builds and the snapshots of sessions; default platforms."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
_OPEN = sa.text("status IN ('pending', 'running')")
_RUNNING = sa.text("status = 'running'")


def upgrade() -> None:
    op.add_column(
        "organization", sa.Column("default_platform", sa.String(), nullable=True, comment="null: the server's")
    )
    _blueprints()
    _builds()


def _blueprints() -> None:
    op.create_table(
        "blueprint",
        sa.Column("blueprint_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=True, comment="null: of the whole enterprise"),
        sa.Column("repo_name", sa.String(), nullable=True, comment="null: of the whole organization"),
        sa.Column(
            "place", sa.String(), nullable=True, comment="what it is for, so that there is one of each; null: deleted"
        ),
        sa.Column("position", sa.Integer(), nullable=False, comment="order among those of repositories"),
        sa.Column("contents", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("deleted_at", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_blueprint_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_blueprint_org_id")),
        sa.PrimaryKeyConstraint("blueprint_id", name=op.f("pk_blueprint")),
        sa.UniqueConstraint("place", name=op.f("uq_blueprint_place")),
    )
    name = op.f("ix_blueprint_enterprise_id_org_id_deleted_at_position_blueprint_id")
    op.create_index(name, "blueprint", ["enterprise_id", "org_id", "deleted_at", "position", "blueprint_id"])
    op.create_table(
        "blueprint_file",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("blueprint_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("env_var_name", sa.String(), nullable=False, comment="the variable in which steps find its path"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False, comment="its bytes in base64, encrypted"),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["blueprint_id"], ["blueprint.blueprint_id"], name=op.f("fk_blueprint_file_blueprint_id")
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_blueprint_file")),
    )
    op.create_index(
        op.f("ix_blueprint_file_blueprint_id_name"), "blueprint_file", ["blueprint_id", "name"], unique=True
    )


def _builds() -> None:
    op.create_table(
        "snapshot_build",
        sa.Column("build_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, comment="pending, running, succeeded, failed or cancelled"),
        sa.Column("trigger", sa.String(), nullable=False, comment="manual or auto"),
        sa.Column("triggered_by", sa.String(), nullable=True, comment="the user, if one did"),
        sa.Column(
            "attempt",
            sa.Integer(),
            nullable=False,
            comment="grows with every claim; a runner of an older one is refused",
        ),
        sa.Column("is_pinned", sa.Boolean(), nullable=False),
        sa.Column("failed_step", sa.Text(), nullable=True, comment="which step failed, and how"),
        sa.Column(
            "context", sa.JSON(), nullable=True, comment="what sessions are told: maintenance, knowledge, clones"
        ),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("started_at", sa.Float(precision=53), nullable=True),
        sa.Column("completed_at", sa.Float(precision=53), nullable=True),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.Column("removed_at", sa.Float(precision=53), nullable=True, comment="since when its snapshot is gone"),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_snapshot_build_org_id")),
        sa.PrimaryKeyConstraint("build_id", name=op.f("pk_snapshot_build")),
    )
    op.create_index(op.f("ix_snapshot_build_org_id_build_id"), "snapshot_build", ["org_id", "build_id"])
    op.create_index(
        op.f("ix_snapshot_build_org_id_status_build_id"), "snapshot_build", ["org_id", "status", "build_id"]
    )
    op.create_index(
        "ix_snapshot_build_open", "snapshot_build", ["build_id"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index(
        "uq_snapshot_build_running", "snapshot_build", ["org_id"], unique=True, sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )  # fmt: skip
    op.create_table(
        "session_snapshot",
        sa.Column("session", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("build_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_session_snapshot_session")),
        sa.ForeignKeyConstraint(["build_id"], ["snapshot_build.build_id"], name=op.f("fk_session_snapshot_build_id")),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_session_snapshot")),
        comment="the snapshot that a session began with; it is kept as long as the session can run",
    )
    op.create_index(op.f("ix_session_snapshot_build_id"), "session_snapshot", ["build_id"])


def downgrade() -> None:
    for table in ("session_snapshot", "snapshot_build", "blueprint_file", "blueprint"):
        op.drop_table(table)
    op.drop_column("organization", "default_platform")
