"""Audit records as both old APIs show them: flat, with times in milliseconds."""

from typing import Any

from cogmill.access.context import Context
from cogmill.api.legacy.reading import at_offset
from cogmill.domain.audit_logs import service
from cogmill.domain.audit_logs.schemas import AuditLogOut, AuditLogQuery


def newest(ctx: Context, after: int | None, before: int | None, limit: int) -> list[dict[str, Any]]:
    """The newest records within the times, which may leave either end open."""
    query = AuditLogQuery(time_after=after, time_before=before)
    found, _ = at_offset(
        lambda cursor, first: service.list_unchecked(
            ctx, query.model_copy(update={"after": cursor, "first": first})
        ),
        0, limit,
    )  # fmt: skip
    return [_flat(one) for one in found]


def _flat(one: AuditLogOut) -> dict[str, Any]:
    known = {
        "audit_log_id": one.audit_log_id, "action": one.action, "created_at": one.created_at * 1000,
        "org_id": one.org_id, "user_id": one.user_id, "user_email": one.user_email,
    }  # fmt: skip
    if one.service_user_id is not None:
        known |= {"service_user_id": one.service_user_id, "service_user_name": one.service_user_name}
    return one.data | known
