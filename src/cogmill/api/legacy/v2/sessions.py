"""Sessions of v2, and how they went."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from cogmill.access.context import Context
from cogmill.api.legacy.reading import iso
from cogmill.api.legacy.v2.pages import page_of
from cogmill.api.legacy.v2.schemas import PageV2Out
from cogmill.api.legacy.v2.session_schemas import (
    AnalysisV2Out,
    EnterpriseSessionsV2Query,
    PullRequestV2Out,
    SessionDetailsV2Out,
    SessionsV2Query,
    SessionV2Out,
)
from cogmill.domain.insights import service as insights
from cogmill.domain.sessions import listing, queries
from cogmill.domain.sessions.events import first_messages
from cogmill.domain.sessions.schemas import SessionFilters, SessionOut

T = TypeVar("T")
Show = Callable[[Context, Sequence[queries.SessionRow]], list[T]]


def list_everywhere(ctx: Context, query: EnterpriseSessionsV2Query) -> PageV2Out[SessionV2Out]:
    """Newest first."""
    return _list(ctx, query, query.org_ids, _sessions)


def list_(ctx: Context, query: SessionsV2Query) -> PageV2Out[SessionV2Out]:
    """Newest first."""
    return _list(ctx, query, None, _sessions)


def list_insights_everywhere(ctx: Context, query: EnterpriseSessionsV2Query) -> PageV2Out[SessionDetailsV2Out]:
    """Newest first, with what is known of how each went."""
    return _list(ctx, query, query.org_ids, _details)


def list_insights(ctx: Context, query: SessionsV2Query) -> PageV2Out[SessionDetailsV2Out]:
    """Newest first, with what is known of how each went."""
    return _list(ctx, query, None, _details)


def get(ctx: Context, session_id: str) -> SessionDetailsV2Out:
    """One session, with what is known of how it went."""
    return _details(ctx, [queries.find(ctx, session_id)])[0]


def _list(ctx: Context, query: SessionsV2Query, org_ids: list[str] | None, show: Show[T]) -> PageV2Out[T]:
    filters = SessionFilters(
        user_ids=query.user_ids, session_ids=query.session_ids, created_after=query.created_date_from,
        created_before=query.created_date_to, updated_after=query.updated_date_from,
        updated_before=query.updated_date_to,
    )  # fmt: skip
    return page_of(
        lambda after, first: listing.list_page(
            ctx, filters.model_copy(update={"after": after, "first": first}), listing.Place(org_ids=org_ids)
        ),
        query,
        lambda rows: show(ctx, rows),
    )


def _sessions(ctx: Context, rows: Sequence[queries.SessionRow]) -> list[SessionV2Out]:
    return [SessionV2Out(**_fields(one)) for one in queries.present(ctx, rows)]


def _details(ctx: Context, rows: Sequence[queries.SessionRow]) -> list[SessionDetailsV2Out]:
    said = first_messages(ctx, rows)
    return [
        SessionDetailsV2Out(
            **_fields(one), initial_user_message=said.get(one.session_id),
            session_analysis=one.analysis and AnalysisV2Out.model_validate(one.analysis.model_dump()),
        )
        for one in insights.present(ctx, rows)
    ]  # fmt: skip


def _fields(one: SessionOut) -> dict[str, Any]:
    return {
        "session_id": one.session_id, "url": one.url, "title": one.title, "status": one.status, "tags": one.tags,
        "org_id": one.org_id, "user_id": one.user_id, "created_at": iso(one.created_at),
        "updated_at": iso(one.updated_at), "acus_consumed": one.acus_consumed,
        "pull_requests": [PullRequestV2Out(url=ref.pr_url, state=ref.pr_state) for ref in one.pull_requests],
    }  # fmt: skip
