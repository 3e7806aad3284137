"""Limits of a cycle: those of users and enterprises, what is set aside of them, the group that a use counts to."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


SCOPES = "enterprise, org, user or service_user"


def upgrade() -> None:
    _say_scopes("enterprise, org, org_group, user or service_user", SCOPES)
    op.add_column(
        "usage_record",
        sa.Column("group_name", sa.String(), nullable=True, comment="of the organization's group, as it was then"),
    )
    op.create_table(
        "cycle_limit",
        sa.Column(
            "scope",
            sa.String(),
            nullable=False,
            comment="user or enterprise; those of organizations stand in their rows",
        ),
        sa.Column("scope_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("max_cycle_acus", sa.BigInteger(), nullable=False, comment="0: nothing may run"),
        sa.Column("updated_at", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_cycle_limit_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("scope", "scope_id", name=op.f("pk_cycle_limit")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_cycle_limit_enterprise_id"), "cycle_limit", ["enterprise_id"], unique=False)
    op.create_table(
        "usage_reservation",
        sa.Column("session", BIG_ID, nullable=False),
        sa.Column("holder", sa.String(), nullable=False, comment="run, or insights"),
        sa.Column("cycle", sa.BigInteger(), nullable=False, comment="against whose limits it counts"),
        sa.Column("acus_micro", sa.BigInteger(), nullable=False, comment="what may still be used"),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("group_name", sa.String(), nullable=True),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_usage_reservation_session")),
        sa.PrimaryKeyConstraint("session", "holder", name=op.f("pk_usage_reservation")),
        comment="what is set aside of limits for steps under way; gone when a run is over",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("usage_reservation")
    op.drop_table("cycle_limit")
    op.execute("DELETE FROM usage_day WHERE scope = 'org_group'")
    _say_scopes(SCOPES, "enterprise, org, org_group, user or service_user")
    op.drop_column("usage_record", "group_name")


def _say_scopes(comment: str, before: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # the other database keeps no comments
        op.alter_column(
            "usage_day", "scope", comment=comment, existing_comment=before, existing_type=sa.String(),
            existing_nullable=False,
        )  # fmt: skip
