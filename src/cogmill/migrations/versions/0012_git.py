"""Connections to git providers, permissions of organizations, and pull requests that lie at a provider."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
_HERE, _DUE = sa.text("git_connection_id IS NULL"), sa.text("check_at IS NOT NULL")


def upgrade() -> None:
    _connections()
    _permissions()
    for column in (
        sa.Column("git_connection_id", sa.String(), nullable=True, comment="null: it lies at the built-in forge"),
        sa.Column("provider_path", sa.String(), nullable=True, comment="the repository there"),
        sa.Column(
            "check_at",
            sa.Float(precision=53),
            nullable=True,
            comment="when its state is asked for next; null: never again",
        ),
    ):
        op.add_column("pull_request", column)
    name, columns = op.f("ix_pull_request_org_id_repo_number"), ["org_id", "repo", "number"]
    op.drop_index(name, table_name="pull_request")
    op.create_index(name, "pull_request", columns, unique=True, sqlite_where=_HERE, postgresql_where=_HERE)
    name, columns = op.f("ix_pull_request_check_at"), ["check_at"]
    op.create_index(name, "pull_request", columns, unique=False, sqlite_where=_DUE, postgresql_where=_DUE)
    name = op.f("ix_pull_request_git_connection_id_provider_path_number")
    op.create_index(name, "pull_request", ["git_connection_id", "provider_path", "number"], unique=False)


def _connections() -> None:
    op.create_table(
        "git_connection",
        sa.Column("git_connection_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="git_provider_type"),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("host", sa.String(), nullable=False, comment="with its port, if that is not the usual one"),
        sa.Column("address", sa.String(), nullable=False, comment="what addresses of repositories begin with"),
        sa.Column("api_address", sa.String(), nullable=True, comment="null: the usual one of its kind"),
        sa.Column("sealed", sa.Text(), nullable=False, comment="credentials as a JSON object"),
        sa.Column("sealed_webhook", sa.Text(), nullable=False, comment="secret of its webhook"),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_git_connection_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("git_connection_id", name=op.f("pk_git_connection")),
    )
    name = op.f("ix_git_connection_enterprise_id_git_connection_id")
    op.create_index(name, "git_connection", ["enterprise_id", "git_connection_id"], unique=False)


def _permissions() -> None:
    op.create_table(
        "git_permission",
        sa.Column("git_permission_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("git_connection_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="repo_path, group_prefix or prefix_path"),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_git_permission_org_id")),
        sa.ForeignKeyConstraint(
            ["git_connection_id"],
            ["git_connection.git_connection_id"],
            name=op.f("fk_git_permission_git_connection_id"),
        ),
        sa.PrimaryKeyConstraint("git_permission_id", name=op.f("pk_git_permission")),
    )
    for columns, unique in (
        (["git_connection_id"], False),
        (["org_id", "git_permission_id"], False),
        (["org_id", "git_connection_id", "kind", "path"], True),
    ):
        op.create_index(op.f(f"ix_git_permission_{'_'.join(columns)}"), "git_permission", columns, unique=unique)


def downgrade() -> None:
    for columns in ("git_connection_id_provider_path_number", "check_at"):
        op.drop_index(op.f(f"ix_pull_request_{columns}"), table_name="pull_request")
    name = op.f("ix_pull_request_org_id_repo_number")
    op.drop_index(name, table_name="pull_request")
    op.execute("DELETE FROM pull_request WHERE git_connection_id IS NOT NULL")  # their numbers are not ours
    for column in ("check_at", "provider_path", "git_connection_id"):
        op.drop_column("pull_request", column)
    op.create_index(name, "pull_request", ["org_id", "repo", "number"], unique=True)
    op.drop_table("git_permission")
    op.drop_table("git_connection")
