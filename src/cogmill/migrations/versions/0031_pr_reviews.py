"""Reviews of pull requests."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pr_review",
        sa.Column("pr_review_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("session", BIG_ID, nullable=False),
        sa.Column("pull_request_id", sa.String(), comment="at the built-in forge; null: it lies at a provider"),
        sa.Column("git_connection_id", sa.String(), comment="the provider"),
        sa.Column("provider_path", sa.String(), comment="the repository there"),
        sa.Column("repo_path", sa.String(), nullable=False, comment="with the host in front, as answers show it"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("commit_sha", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, comment="pending, running, completed or errored"),
        sa.Column("detail", sa.Text(), comment="why it errored, or why it is not over yet"),
        sa.Column("report", sa.JSON(none_as_null=True), comment="summary and findings, as the session gave them"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="at writing it at the provider"),
        sa.Column("check_at", sa.Float(53), comment="when it is looked at next; null: it is over"),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("updated_at", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_pr_review_org_id")),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_pr_review_session")),
        sa.PrimaryKeyConstraint("pr_review_id", name=op.f("pk_pr_review")),
    )
    op.create_index(op.f("ix_pr_review_session"), "pr_review", ["session"])
    for columns in (["pull_request_id"], ["git_connection_id", "number"]):
        names = ["org_id", *columns, "pr_review_id"]
        op.create_index(op.f(f"ix_pr_review_{'_'.join(names)}"), "pr_review", names)
    op.create_index(
        "ix_pr_review_check_at",
        "pr_review",
        ["check_at"],
        sqlite_where=sa.text("check_at IS NOT NULL"),
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("pr_review")
