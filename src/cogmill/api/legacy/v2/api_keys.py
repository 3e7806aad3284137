"""Keys of v2: those for the old APIs, of people and of organizations."""

from typing import Any

from cogmill.access.context import Context
from cogmill.api.legacy.reading import iso
from cogmill.api.legacy.v2.pages import DONE, page_of
from cogmill.api.legacy.v2.schemas import (
    ApiKeyV2In,
    ApiKeyV2Out,
    ApiKeyWithValueOut,
    KeysQuery,
    PageV2Out,
    SkipQuery,
    SuccessOut,
)
from cogmill.domain.api_keys import legacy_keys
from cogmill.web.params import PageQuery


def list_(ctx: Context, query: KeysQuery) -> PageV2Out[ApiKeyV2Out]:
    """Keys that work, newest first. `next_cursor` is the number of the next page."""
    shown = page_of(
        lambda after, first: legacy_keys.list_page(ctx, PageQuery(after=after, first=first), query.org_id),
        SkipQuery(skip=(query.page - 1) * query.per_page, limit=query.per_page),
        lambda rows: [_shown(row) for row in rows],
        name="page",
    )
    return shown.model_copy(update={"next_cursor": query.page + 1 if shown.has_more else None})


def _shown(row: Any) -> ApiKeyV2Out:
    return ApiKeyV2Out(
        id=row.api_key_id, created_at=iso(row.created_at), is_service_key=row.user_id is None, org_id=row.org_id or "",
        org_name=row.org_name or "", user_id=row.user_id, user_email=row.email, api_key_value=None,
    )  # fmt: skip


def create(ctx: Context, body: ApiKeyV2In) -> ApiKeyWithValueOut:
    """A key of an organization, for v1. It is shown this once."""
    return ApiKeyWithValueOut(api_key=legacy_keys.create(ctx, body.org_id).token, org_id=body.org_id)


def revoke(ctx: Context, api_key_id: str) -> SuccessOut:
    legacy_keys.end(ctx, api_key_id)
    return DONE


def revoke_all(ctx: Context) -> SuccessOut:
    """All keys for v1 and v2 of the whole enterprise, the one that asks for it, too."""
    legacy_keys.end_all(ctx)
    return DONE
