"""Deleted organizations, as the server's administrator sees them: which there are, and taking one back."""

from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.engine import Row

from cogmill.domain.metrics.marks import mark_all
from cogmill.kit.errors import Conflict, NotFound
from cogmill.models.access import organization

DAY = 86400.0


def list_all(db: Connection, enterprise_id: str) -> list[Row[Any]]:
    """All organizations of the enterprise, deleted ones included, oldest first."""
    query = select(organization).where(organization.c.enterprise_id == enterprise_id)
    return list(db.execute(query.order_by(organization.c.created_at, organization.c.org_id)))


def restore(db: Connection, enterprise_id: str, org_id: str, now: float, retention_days: float) -> Row[Any]:
    """Undo a deletion: data, members and keys are as they were; its sessions sleep until somebody wakes them."""
    known = select(organization).where(organization.c.org_id == org_id, organization.c.enterprise_id == enterprise_id)
    row = db.execute(known.with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise NotFound(f"There is no organization {org_id!r}. 'cogmill organizations list' shows all.")
    if row.deleted_at is None:
        raise Conflict(f"Organization {org_id} ({row.name}) is not deleted.")
    if row.purge_begun_at is not None:
        raise Conflict(
            f"Organization {org_id} ({row.name}) was deleted for good: its retention time was over, and its data "
            "was removed. Take what you need from a backup."
        )
    if now > restorable_until(row.deleted_at, retention_days):
        days = (now - row.deleted_at) / DAY
        raise Conflict(
            f"Organization {org_id} ({row.name}) was deleted {days:.1f} days ago, and the retention time is "
            f"{retention_days:g} days (organization_retention_days)."
        )
    restored = update(organization).where(organization.c.org_id == org_id).values(deleted_at=None, updated_at=now)
    mark_all(db, enterprise_id, org_id)
    return db.execute(restored.returning(*organization.c)).one()


def restorable_until(deleted_at: float, retention_days: float) -> float:
    return deleted_at + retention_days * DAY
