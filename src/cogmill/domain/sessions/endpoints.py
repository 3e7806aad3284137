"""Handlers of the session operations: typed input in, one service call, output model out."""

import json
from typing import Any

from cogmill.access.context import Context
from cogmill.domain.attachments.service import attachment_url
from cogmill.domain.sessions import events, listing, queries, service
from cogmill.domain.sessions.create import create_session
from cogmill.domain.sessions.queries import SessionRow
from cogmill.domain.sessions.schemas import (
    CreateQuery,
    EventDetailsOut,
    EventDetailsQuery,
    EventHitOut,
    EventListQuery,
    EventOut,
    EventSearchQuery,
    MessageIn,
    MessageOut,
    SessionAttachmentOut,
    SessionIn,
    SessionListQuery,
    SessionOut,
    TagsIn,
    TagsOut,
    TerminateQuery,
)
from cogmill.kit.paging import Slice
from cogmill.web.params import Page, PageQuery, page_of


def create(ctx: Context, query: CreateQuery, body: SessionIn) -> SessionOut:
    return queries.present_new(ctx, create_session(ctx, body, query.devin_id, origin="api"))


def list_(ctx: Context, query: SessionListQuery) -> Page[SessionOut]:
    return show_page(ctx, listing.list_page(ctx, query, listing.Place(devin_id=query.devin_id)))


def show_page(ctx: Context, part: Slice[SessionRow]) -> Page[SessionOut]:
    return page_of(part).model_copy(update={"items": queries.present(ctx, part.items)})


def get(ctx: Context, devin_id: str) -> SessionOut:
    return _show(ctx, queries.find(ctx, devin_id))


def terminate(ctx: Context, devin_id: str, query: TerminateQuery) -> SessionOut:
    return _show(ctx, service.terminate(ctx, devin_id, archive=query.archive))


def archive(ctx: Context, devin_id: str) -> SessionOut:
    return _show(ctx, service.archive(ctx, devin_id))


def sleep(ctx: Context, devin_id: str) -> SessionOut:
    return _show(ctx, service.sleep(ctx, devin_id))


def wake(ctx: Context, devin_id: str) -> SessionOut:
    return _show(ctx, service.wake(ctx, devin_id))


def send_message(ctx: Context, devin_id: str, body: MessageIn) -> SessionOut:
    return _show(ctx, service.send_message(ctx, devin_id, body))


def list_messages(ctx: Context, devin_id: str, query: PageQuery) -> Page[MessageOut]:
    return page_of(events.list_messages(ctx, devin_id, query))


def list_events(ctx: Context, devin_id: str, query: EventListQuery) -> Page[EventOut]:
    return page_of(events.list_events(ctx, devin_id, query))


def search_events(ctx: Context, devin_id: str, query: EventSearchQuery) -> Page[EventHitOut]:
    return page_of(events.search_events(ctx, devin_id, query))


def event_details(ctx: Context, devin_id: str, query: EventDetailsQuery) -> EventDetailsOut:
    return events.event_details(ctx, devin_id, query)


def recording(ctx: Context, devin_id: str) -> dict[str, Any]:
    """The session's model conversation as a recording that agent `replay` plays; secrets are redacted already."""
    row = queries.find(ctx, devin_id)
    log = events.read_log(ctx, row.id, 0, 1_000_000)
    return ctx.runtime.record([(one.seq, one.event_type, json.loads(one.contents)) for one in log])


def get_tags(ctx: Context, devin_id: str) -> TagsOut:
    return TagsOut(tags=queries.find(ctx, devin_id).tags)


def append_tags(ctx: Context, devin_id: str, body: TagsIn) -> TagsOut:
    return TagsOut(tags=service.append_tags(ctx, devin_id, body.tags))


def replace_tags(ctx: Context, devin_id: str, body: TagsIn) -> TagsOut:
    return TagsOut(tags=service.replace_tags(ctx, devin_id, body.tags))


def list_attachments(ctx: Context, devin_id: str) -> list[SessionAttachmentOut]:
    return [
        SessionAttachmentOut(
            attachment_id=one.attachment_id,
            name=one.name,
            source=one.source,
            url=attachment_url(ctx.runtime.settings.base_url, one),
            content_type=one.content_type,
        )
        for one in queries.attachments_of(ctx, queries.find(ctx, devin_id))
    ]


def _show(ctx: Context, row: queries.SessionRow) -> SessionOut:
    return queries.present(ctx, [row])[0]
