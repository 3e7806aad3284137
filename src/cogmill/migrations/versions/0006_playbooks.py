"""Playbooks and their versions."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "playbook",
        sa.Column("playbook_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=True, comment="null: shared with every organization"),
        sa.Column("version", sa.Integer(), nullable=False, comment="of the text that stands now, counted from 1"),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("macro", sa.String(), nullable=True, comment="with its !"),
        sa.Column("structured_output_schema", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_playbook_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_playbook_org_id")),
        sa.PrimaryKeyConstraint("playbook_id", name=op.f("pk_playbook")),
    )
    op.create_index(op.f("ix_playbook_org_id_playbook_id"), "playbook", ["org_id", "playbook_id"], unique=False)
    columns = ["enterprise_id", "org_id", "playbook_id"]
    op.create_index(op.f("ix_playbook_enterprise_id_org_id_playbook_id"), "playbook", columns, unique=False)
    columns = ["enterprise_id", "macro", "org_id"]
    op.create_index(op.f("ix_playbook_enterprise_id_macro_org_id"), "playbook", columns, unique=False)
    op.create_table(
        "playbook_version",
        sa.Column("playbook_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("macro", sa.String(), nullable=True),
        sa.Column("structured_output_schema", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("playbook_id", "version", name=op.f("pk_playbook_version")),
    )


def downgrade() -> None:
    op.drop_table("playbook_version")
    op.drop_index(op.f("ix_playbook_enterprise_id_macro_org_id"), table_name="playbook")
    op.drop_index(op.f("ix_playbook_enterprise_id_org_id_playbook_id"), table_name="playbook")
    op.drop_index(op.f("ix_playbook_org_id_playbook_id"), table_name="playbook")
    op.drop_table("playbook")
