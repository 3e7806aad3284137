"""Indexes for every filter of the list of sessions, of one organization and of all; of metrics and violations."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

WHOLE = (
    ["org_id", "created_at", "id"], ["org_id", "category", "id"], ["org_id", "origin", "id"], ["created_at", "id"],
    ["updated_at", "id"], ["origin", "id"],
)  # fmt: skip
WHERE_SET = ("category", "user_id", "service_user_id", "playbook_id", "schedule_id")


def upgrade() -> None:
    for columns in WHOLE:
        op.create_index(op.f(f"ix_session_{'_'.join(columns)}"), "session", columns)
    for name in WHERE_SET:
        condition = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            op.f(f"ix_session_{name}_id"), "session", [name, "id"], sqlite_where=condition, postgresql_where=condition
        )
    has_user = sa.text("user_id IS NOT NULL")
    op.create_index(
        "ix_session_of_person", "session", ["user_id", "created_at"], sqlite_where=has_user, postgresql_where=has_user
    )
    op.create_index(
        "ix_session_archived", "session", ["id"],
        sqlite_where=sa.text("is_archived = 1"), postgresql_where=sa.text("is_archived"),
    )  # fmt: skip
    op.create_index(
        op.f("ix_session_label_kind_value_session"), "session_label", ["kind", "value", "session"], unique=False
    )
    op.create_index(op.f("ix_guardrail_violation_guardrail_id_id"), "guardrail_violation", ["guardrail_id", "id"])
    op.drop_index(op.f("ix_session_org_id_created_at"), "session")
    for name in ("playbook_id", "service_user_id"):
        op.create_index(
            op.f(f"ix_metric_sum_org_id_part_{name}_span_start"),
            "metric_sum",
            ["org_id", "part", name, "span", "start"],
        )


def downgrade() -> None:
    op.drop_index(op.f("ix_guardrail_violation_guardrail_id_id"), "guardrail_violation")
    for name in ("playbook_id", "service_user_id"):
        op.drop_index(op.f(f"ix_metric_sum_org_id_part_{name}_span_start"), "metric_sum")
    op.create_index(op.f("ix_session_org_id_created_at"), "session", ["org_id", "created_at"])
    op.drop_index(op.f("ix_session_label_kind_value_session"), "session_label")
    op.drop_index("ix_session_archived", "session")
    op.drop_index("ix_session_of_person", "session")
    for name in WHERE_SET:
        op.drop_index(op.f(f"ix_session_{name}_id"), "session")
    for columns in WHOLE:
        op.drop_index(op.f(f"ix_session_{'_'.join(columns)}"), "session")
