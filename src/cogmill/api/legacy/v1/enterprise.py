"""Consumption and the audit log of v1."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from cogmill.access.context import Context
from cogmill.api.legacy.audit_logs import newest
from cogmill.api.legacy.reading import at_offset, everything, iso
from cogmill.api.legacy.v1.schemas import (
    AuditLogsV1Out,
    AuditLogsV1Query,
    AuditLogV1Out,
    ConsumptionCycleOut,
    ConsumptionPullRequestOut,
    ConsumptionQuery,
    ConsumptionSessionOut,
    ConsumptionV1Out,
)
from cogmill.domain.members.names import emails, names
from cogmill.domain.organizations import service as organizations
from cogmill.domain.sessions import listing, queries
from cogmill.domain.sessions.schemas import PullRequestRef, SessionFilters, SessionOut
from cogmill.kit.errors import BadRequest
from cogmill.web.params import PageQuery

MOST_SESSIONS = 10_000
_STATES: dict[str | None, Any] = {"merged": "merged", "closed": "closed"}


def consumption(ctx: Context, query: ConsumptionQuery) -> ConsumptionV1Out:
    """Sessions that were created from the first day to the last (UTC), newest first, each with all of its ACUs."""
    first, last = _day(query.start_date), _day(query.end_date)
    end = datetime.combine(last, time(), UTC) + timedelta(days=1)
    begin = datetime.combine(first, time(), UTC)
    filters = SessionFilters(created_after=int(begin.timestamp()), created_before=int(end.timestamp()))
    rows, more = at_offset(
        lambda after, count: listing.list_page(ctx, filters.model_copy(update={"after": after, "first": count})),
        0, MOST_SESSIONS,
    )  # fmt: skip
    if more:
        raise BadRequest(f"More than {MOST_SESSIONS} sessions were created then: ask for fewer days.")
    cycle = ConsumptionCycleOut(start=first.isoformat(), end=last.isoformat())
    return ConsumptionV1Out(sessions=_consumed(ctx, queries.present(ctx, rows)), cycle=cycle)


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
        if found.isoformat() == text and 1970 <= found.year < 9999:
            return found
    except ValueError:
        pass
    raise BadRequest("Invalid date format. Dates must be in ISO format (YYYY-MM-DD)")


def _consumed(ctx: Context, sessions: list[SessionOut]) -> list[ConsumptionSessionOut]:
    owners = [one.user_id or one.service_user_id or "" for one in sessions]
    called, addresses = names(ctx, owners), emails(ctx, owners)
    places = everything(lambda after, count: organizations.list_page(ctx, PageQuery(after=after, first=count)))
    places_by_id = {one.org_id: one.name for one in places}
    return [
        ConsumptionSessionOut(
            user_name=called.get(owner, ""), user_email=addresses.get(owner, ""), session_name=one.title or "",
            created_at=iso(one.created_at), acu_used=one.acus_consumed, url=one.url, org_id=one.org_id,
            org_name=places_by_id.get(one.org_id, ""), pull_requests=[_request(ref) for ref in one.pull_requests],
        )
        for owner, one in zip(owners, sessions, strict=True)
    ]  # fmt: skip


def _request(ref: PullRequestRef) -> ConsumptionPullRequestOut:
    return ConsumptionPullRequestOut(pr_url=ref.pr_url, pr_status=_STATES.get(ref.pr_state, "open"))


def audit_logs(ctx: Context, query: AuditLogsV1Query) -> AuditLogsV1Out:
    """Newest first."""
    found = newest(ctx, query.after, query.before, query.limit)
    return AuditLogsV1Out(audit_logs=[AuditLogV1Out(**one) for one in found])
