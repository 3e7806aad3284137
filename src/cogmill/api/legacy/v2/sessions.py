"""Sessions of v2."""

from cogmill.access.context import Context
from cogmill.api.legacy.reading import iso
from cogmill.api.legacy.v2.pages import page_of
from cogmill.api.legacy.v2.schemas import (
    EnterpriseSessionsV2Query,
    PageV2Out,
    PullRequestV2Out,
    SessionsV2Query,
    SessionV2Out,
)
from cogmill.domain.sessions import queries
from cogmill.domain.sessions.schemas import SessionFilters, SessionOut


def list_everywhere(ctx: Context, query: EnterpriseSessionsV2Query) -> PageV2Out[SessionV2Out]:
    """Newest first."""
    return _list(ctx, query, query.org_ids)


def list_(ctx: Context, query: SessionsV2Query) -> PageV2Out[SessionV2Out]:
    """Newest first."""
    return _list(ctx, query, None)


def _list(ctx: Context, query: SessionsV2Query, org_ids: list[str] | None) -> PageV2Out[SessionV2Out]:
    filters = SessionFilters(
        user_ids=query.user_ids, session_ids=query.session_ids, created_after=query.created_date_from,
        created_before=query.created_date_to, updated_after=query.updated_date_from,
        updated_before=query.updated_date_to,
    )  # fmt: skip
    return page_of(
        lambda after, first: queries.list_page(
            ctx, filters.model_copy(update={"after": after, "first": first}), org_ids=org_ids
        ),
        query,
        lambda rows: [_shown(one) for one in queries.present(ctx, rows)],
    )


def _shown(one: SessionOut) -> SessionV2Out:
    return SessionV2Out(
        session_id=one.session_id, url=one.url, title=one.title, status=one.status, tags=one.tags, org_id=one.org_id,
        user_id=one.user_id, created_at=iso(one.created_at), updated_at=iso(one.updated_at),
        acus_consumed=one.acus_consumed,
        pull_requests=[PullRequestV2Out(url=ref.pr_url, state=ref.pr_state) for ref in one.pull_requests],
    )  # fmt: skip
