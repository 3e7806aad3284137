"""Outgoing webhooks, their deliveries and attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=True, comment="null: hears of every organization"),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column(
            "event_types", sa.String(), nullable=False, comment="names and groups, with spaces between; empty: all"
        ),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(), nullable=True, comment="set when the server switched it off"),
        sa.Column(
            "failing_since",
            sa.Float(precision=53),
            nullable=True,
            comment="of the first failure since the last success",
        ),
        sa.Column("sealed", sa.Text(), nullable=True, comment="the secret that signs; null when deleted"),
        sa.Column(
            "sealed_before", sa.Text(), nullable=True, comment="the one before, which signs too until it expires"
        ),
        sa.Column("before_until", sa.Float(precision=53), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column(
            "deleted_at",
            sa.Float(precision=53),
            nullable=True,
            comment="its deliveries are removed in the background, then the row",
        ),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_webhook_enterprise_id")),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_webhook_org_id")),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_webhook")),
    )
    columns = ["org_id", "enterprise_id", "webhook_id"]
    op.create_index(op.f("ix_webhook_org_id_enterprise_id_webhook_id"), "webhook", columns, unique=False)
    _deliveries()
    op.create_table(
        "webhook_attempt",
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Float(precision=53), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("excerpt", sa.Text(), nullable=True, comment="the beginning of the answer"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["webhook_delivery.delivery_id"], name=op.f("fk_webhook_attempt_delivery_id")
        ),
        sa.PrimaryKeyConstraint("delivery_id", "attempt", name=op.f("pk_webhook_attempt")),
    )


def _deliveries() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("delivery_id", sa.String(), nullable=False, comment="sent as webhook-id, the same in every attempt"),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="the bytes that are signed and sent"),
        sa.Column("state", sa.String(), nullable=False, comment="pending, sending, delivered or failed"),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="of the newest attempt, counted from 1"),
        sa.Column("attempt_base", sa.Integer(), nullable=False, comment="attempts before the last replay"),
        sa.Column(
            "due_at",
            sa.Float(precision=53),
            nullable=True,
            comment="of the next attempt; while sending: when the attempt counts as lost",
        ),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.webhook_id"], name=op.f("fk_webhook_delivery_webhook_id")),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_webhook_delivery")),
    )
    for columns in (["created_at"], ["webhook_id", "delivery_id"], ["webhook_id", "state", "delivery_id"]):
        name = f"ix_webhook_delivery_{'_'.join(columns)}"
        op.create_index(op.f(name), "webhook_delivery", columns, unique=False)
    op.create_index(
        "ix_webhook_delivery_due",
        "webhook_delivery",
        ["webhook_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("webhook_attempt")
    op.drop_table("webhook_delivery")
    op.drop_table("webhook")
