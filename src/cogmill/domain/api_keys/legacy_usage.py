"""Which keys still call the old APIs, and what: read from what was counted."""

from typing import Any

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.models.access import api_key, legacy_call, organization, user

DAY = 86_400


def calls_since(
    db: Connection, enterprise_id: str, at: float, *, api_key_id: str | None = None, org_id: str | None = None
) -> list[Row[Any]]:
    """How often each of the enterprise's keys called each operation since that time's day, and when last."""
    columns = legacy_call.c
    key = (api_key.c.api_key_id, api_key.c.name, api_key.c.org_id, api_key.c.revoked_at, user.c.email)
    query = select(
        *key, columns.operation, func.sum(columns.calls).label("calls"), func.max(columns.last_at).label("at")
    )
    query = query.select_from(
        legacy_call.join(api_key).outerjoin(user, user.c.user_id == api_key.c.user_id)
        .outerjoin(organization, organization.c.org_id == api_key.c.org_id)
    )  # fmt: skip
    mine = or_(user.c.enterprise_id == enterprise_id, organization.c.enterprise_id == enterprise_id)
    query = query.where(mine, columns.day >= int(at // DAY))
    if api_key_id is not None:
        query = query.where(api_key.c.api_key_id == api_key_id)
    if org_id is not None:
        query = query.where(api_key.c.org_id == org_id)
    return list(db.execute(query.group_by(*key, columns.operation).order_by(api_key.c.api_key_id, columns.operation)))


def is_legacy_key(db: Connection, enterprise_id: str, api_key_id: str) -> bool:
    """Whether the enterprise has, or had, this key for the old APIs."""
    query = select(api_key.c.api_key_id).select_from(
        api_key.outerjoin(user, user.c.user_id == api_key.c.user_id)
        .outerjoin(organization, organization.c.org_id == api_key.c.org_id)
    )  # fmt: skip
    mine = or_(user.c.enterprise_id == enterprise_id, organization.c.enterprise_id == enterprise_id)
    return db.execute(query.where(api_key.c.api_key_id == api_key_id, api_key.c.legacy, mine)).first() is not None


def organization_of_key(ctx: Context) -> str | None:
    """The organization that the calling key is for."""
    mine = select(api_key.c.org_id).where(api_key.c.api_key_id == ctx.principal.api_key_id)
    found: str | None = ctx.db.execute(mine).scalar_one()
    return found
