"""Indexed repositories, their jobs, and searches."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ORG = (["org_id"], ["organization.org_id"])


def upgrade() -> None:
    op.create_table(
        "indexed_repository",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("repository_path", sa.String(), nullable=False),
        sa.Column("default_branch", sa.String(), nullable=True, comment="searched when the caller names none"),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(*ORG, name=op.f("fk_indexed_repository_org_id")),
        sa.PrimaryKeyConstraint("org_id", "repository_path", name=op.f("pk_indexed_repository")),
    )
    op.create_table(
        "indexed_branch",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("repository_path", sa.String(), nullable=False),
        sa.Column("branch_name", sa.String(), nullable=False),
        sa.Column("latest_job", sa.String(), nullable=True, comment="the newest job of this branch"),
        sa.Column("completed_job", sa.String(), nullable=True, comment="the newest one that is done"),
        sa.ForeignKeyConstraint(*ORG, name=op.f("fk_indexed_branch_org_id")),
        sa.PrimaryKeyConstraint("org_id", "repository_path", "branch_name", name=op.f("pk_indexed_branch")),
    )
    op.create_table(
        "index_job",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("repository_path", sa.String(), nullable=False),
        sa.Column("branch_name", sa.String(), nullable=False),
        sa.Column("commit_hash", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, comment="queued, running, done or failed"),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="counts claims: only the latest one may write"),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("started_at", sa.Float(precision=53), nullable=True),
        sa.Column("finished_at", sa.Float(precision=53), nullable=True),
        sa.Column("files_total", sa.Integer(), nullable=False, comment="contents that the index did not have"),
        sa.Column("files_done", sa.Integer(), nullable=False),
        sa.Column("files_parsed", sa.Integer(), nullable=False),
        sa.Column("files_skipped", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(*ORG, name=op.f("fk_index_job_org_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_index_job")),
    )
    op.create_index(op.f("ix_index_job_status_job_id"), "index_job", ["status", "job_id"], unique=False)
    op.create_index(op.f("ix_index_job_org_id_job_id"), "index_job", ["org_id", "job_id"], unique=False)
    columns = ["org_id", "repository_path", "job_id"]
    op.create_index(op.f("ix_index_job_org_id_repository_path_job_id"), "index_job", columns, unique=False)
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "code_search",
        sa.Column("id", big, autoincrement=True, nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True, comment="who searched: a person, or"),
        sa.Column("service_user_id", sa.String(), nullable=True, comment="a service user"),
        sa.Column("kind", sa.String(), nullable=False, comment="symbols or text"),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(*ORG, name=op.f("fk_code_search_org_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_search")),
    )
    columns = ["org_id", "created_at"]
    op.create_index(op.f("ix_code_search_org_id_created_at"), "code_search", columns, unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_code_search_org_id_created_at"), table_name="code_search")
    op.drop_table("code_search")
    op.drop_index(op.f("ix_index_job_org_id_repository_path_job_id"), table_name="index_job")
    op.drop_index(op.f("ix_index_job_org_id_job_id"), table_name="index_job")
    op.drop_index(op.f("ix_index_job_status_job_id"), table_name="index_job")
    op.drop_table("index_job")
    op.drop_table("indexed_branch")
    op.drop_table("indexed_repository")
