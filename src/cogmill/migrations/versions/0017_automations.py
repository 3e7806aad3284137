"""Automations, what they wait for, and their runs."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "automation",
        sa.Column("automation_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("run_as", sa.String(), nullable=False, comment="organization or creator"),
        sa.Column(
            "creator_id", sa.String(), nullable=True, comment="the user as whom it runs, when it runs as its creator"
        ),
        sa.Column(
            "document",
            sa.JSON(none_as_null=True),
            nullable=False,
            comment="triggers, actions, limits and the rest, as accepted",
        ),
        sa.Column("hook_id", sa.String(), nullable=True, comment="in the address of its incoming webhook"),
        sa.Column("hook_secret", sa.String(), nullable=True, comment="keyed hash"),
        sa.Column("next_at", sa.Float(precision=53), nullable=True, comment="of its schedule"),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_automation_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_automation_org_id")),
        sa.PrimaryKeyConstraint("automation_id", name=op.f("pk_automation")),
        sa.UniqueConstraint("hook_id", name=op.f("uq_automation_hook_id")),
    )
    op.create_index(
        "ix_automation_next",
        "automation",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_automation_org_id_automation_id"), "automation", ["org_id", "automation_id"], unique=False)
    op.create_table(
        "automation_run",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("automation_id", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False, comment="the event, once for each automation"),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("event", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment="queued, done, failed or skipped"),
        sa.Column(
            "depth", sa.Integer(), nullable=False, comment="automations before it in the chain of causes, and itself"
        ),
        sa.Column("session_id", sa.String(), nullable=True, comment="that it started or wrote to"),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("finished_at", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(
            ["automation_id"], ["automation.automation_id"], name=op.f("fk_automation_run_automation_id")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_automation_run")),
    )
    op.create_index(
        op.f("ix_automation_run_automation_id_cause"), "automation_run", ["automation_id", "cause"], unique=True
    )
    op.create_index(
        op.f("ix_automation_run_automation_id_created_at"),
        "automation_run",
        ["automation_id", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_automation_run_automation_id_run_id"), "automation_run", ["automation_id", "run_id"], unique=False
    )
    op.create_index(op.f("ix_automation_run_created_at"), "automation_run", ["created_at"], unique=False)
    op.create_index(
        "ix_automation_run_queued",
        "automation_run",
        ["automation_id", "run_id"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(op.f("ix_automation_run_session_id"), "automation_run", ["session_id"], unique=False)
    op.create_table(
        "automation_trigger",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("automation_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["automation_id"], ["automation.automation_id"], name=op.f("fk_automation_trigger_automation_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "event_type", "automation_id", name=op.f("pk_automation_trigger")),
        comment="events that enabled automations wait for; made from their documents",
    )
    op.create_index(op.f("ix_automation_trigger_automation_id"), "automation_trigger", ["automation_id"], unique=False)


def downgrade() -> None:
    op.drop_table("automation_run")
    op.drop_table("automation_trigger")
    op.drop_table("automation")
