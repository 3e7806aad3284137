"""Reading a session's event log: list, search, details, messages."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from cogmill.access.context import Context
from cogmill.domain.sessions.queries import SessionRow, find
from cogmill.domain.sessions.schemas import (
    EventDetailOut,
    EventDetailsOut,
    EventDetailsQuery,
    EventHitOut,
    EventListQuery,
    EventOut,
    EventSearchQuery,
    MessageOut,
)
from cogmill.kit.errors import Invalid
from cogmill.kit.ids import event_id, event_seq
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.sessions import session_event as event
from cogmill.web.params import PageQuery

MESSAGES = ("user_message", "devin_message")
FIRST_EVENTS = 2
"""Every log begins with who made the session, and what it was asked (create.py)."""


def list_events(ctx: Context, devin_id: str, query: EventListQuery) -> Slice[EventOut]:
    """One page of the log, oldest first."""
    row = find(ctx, devin_id)
    found = _filtered(select(event).where(event.c.session == row.id), query)
    page = fetch_page(ctx.db, found, event.c.seq, query.first, query.after, descending=False)
    return page.map(lambda one: _summary(row.session_id, one))


def search_events(ctx: Context, devin_id: str, query: EventSearchQuery) -> Slice[EventHitOut]:
    """Events whose summary or contents hold the text, whatever its case."""
    row = find(ctx, devin_id)
    found = _filtered(select(event).where(event.c.session == row.id), query)
    as_stored = json.dumps(query.query, ensure_ascii=False)[1:-1].lower()
    holds = _contains(event.c.contents, as_stored) | _contains(event.c.summary, query.query.lower())
    page = fetch_page(ctx.db, found.where(holds), event.c.seq, query.first, query.after, descending=False)
    return page.map(lambda one: _hit(row.session_id, one, query.query))


def _contains(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    return func.lower(column).contains(text, autoescape=True)


def _filtered(found: Select[Any], query: EventListQuery) -> Select[Any]:
    if query.categories is not None and query.event_types is not None:
        raise Invalid.at("query", "event_types", msg="Give categories or event_types, not both.")
    if query.categories is not None:
        found = found.where(event.c.category.in_(query.categories))
    if query.event_types is not None:
        found = found.where(event.c.event_type.in_(query.event_types))
    if query.direction is not None:
        found = found.where(event.c.direction == query.direction)
    if query.created_after is not None:
        found = found.where(event.c.created_at >= query.created_after)
    if query.created_before is not None:
        found = found.where(event.c.created_at < query.created_before)
    return found


def _head(session_id: str, one: Any) -> dict[str, Any]:
    return {
        "event_id": event_id(session_id, one.seq),
        "event_type": one.event_type,
        "category": one.category,
        "direction": one.direction,
        "created_at": int(one.created_at),
    }


def _summary(session_id: str, one: Any) -> EventOut:
    return EventOut.model_construct(**_head(session_id, one), summary=one.summary)


def _hit(session_id: str, one: Any, wanted: str) -> EventHitOut:
    texts = [one.summary, *_texts(json.loads(one.contents))]
    where = next((text for text in texts if wanted.lower() in text.lower()), one.summary)
    at = max(where.lower().find(wanted.lower()), 0)
    context = where[max(at - 80, 0) : at + len(wanted) + 80]
    return EventHitOut.model_construct(**_head(session_id, one), summary=one.summary, match_context=context)


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [text for key, value in node.items() for text in (str(key), *_texts(value))]
    if isinstance(node, list):
        return [text for value in node for text in _texts(value)]
    return [str(node)]


def event_details(ctx: Context, devin_id: str, query: EventDetailsQuery) -> EventDetailsOut:
    """Whole events, by id or by place in the timeline; long texts are cut and named."""
    row = find(ctx, devin_id)
    found = select(event).where(event.c.session == row.id).order_by(event.c.seq)
    if query.event_ids is not None:
        if query.offset is not None or "limit" in query.model_fields_set:
            raise Invalid.at("query", "event_ids", msg="Give event_ids, or offset and limit, not both.")
        found = found.where(event.c.seq.in_(_sequence_numbers(row, query.event_ids)))
    else:
        after = query.offset or 0  # sequence numbers are gapless and begin with 1
        found = found.where(event.c.seq > after, event.c.seq <= after + query.limit)
    items = [_detail(row.session_id, one, query.max_content_length) for one in ctx.db.execute(found)]
    return EventDetailsOut(items=items)


def _sequence_numbers(row: SessionRow, ids: list[str]) -> list[int]:
    return [seq for one in ids if (seq := event_seq(row.session_id, one)) is not None]


def _detail(session_id: str, one: Any, most: int) -> EventDetailOut:
    cut: list[str] = []
    contents = _cut(json.loads(one.contents), most, "", cut)
    return EventDetailOut(**_head(session_id, one), contents=contents, truncated_fields=cut or None)


def _cut(node: Any, most: int, path: str, cut: list[str]) -> Any:
    if isinstance(node, str) and len(node) > most:
        cut.append(path)
        return node[:most]
    if isinstance(node, dict):
        return {key: _cut(value, most, f"{path}.{key}".lstrip("."), cut) for key, value in node.items()}
    if isinstance(node, list):
        return [_cut(value, most, f"{path}[{n}]", cut) for n, value in enumerate(node)]
    return node


def list_messages(ctx: Context, devin_id: str, page: PageQuery) -> Slice[MessageOut]:
    """What user and session said to each other, oldest first."""
    row = find(ctx, devin_id)
    found = select(event).where(
        event.c.session == row.id, event.c.category == "message", event.c.event_type.in_(MESSAGES)
    )
    part = fetch_page(ctx.db, found, event.c.seq, page.first, page.after, descending=False)
    return part.map(lambda one: _message(row.session_id, one))


def _message(session_id: str, one: Any) -> MessageOut:
    return MessageOut.model_construct(
        event_id=event_id(session_id, one.seq),
        created_at=int(one.created_at),
        message=json.loads(one.contents)["message"],
        source="user" if one.event_type == "user_message" else "devin",
    )


@dataclass(frozen=True, slots=True)
class Said:
    """One message with who said it."""

    event_id: str
    event_type: str
    message: str
    created_at: float
    user_id: str | None


def conversation(ctx: Context, devin_id: str, most: int) -> list[Said]:
    """All that user and session said to each other, oldest first; of very long ones the beginning."""
    row = find(ctx, devin_id)
    found = select(event).where(
        event.c.session == row.id, event.c.category == "message", event.c.event_type.in_(MESSAGES)
    )
    return [_said(row.session_id, one) for one in ctx.db.execute(found.order_by(event.c.seq).limit(most))]


def _said(session_id: str, one: Any) -> Said:
    contents = json.loads(one.contents)
    user_id = contents.get("user_id")
    return Said(event_id(session_id, one.seq), one.event_type, contents["message"], one.created_at, user_id)


def first_messages(ctx: Context, rows: Sequence[SessionRow]) -> dict[str, str]:
    """What sessions were asked at first, by session id."""
    ids = {row.id: row.session_id for row in rows}
    found = select(event.c.session, event.c.contents).where(
        event.c.session.in_(ids), event.c.seq <= FIRST_EVENTS, event.c.event_type == "user_message"
    )
    return {ids[one.session]: json.loads(one.contents)["message"] for one in ctx.db.execute(found)}


def read_log(ctx: Context, row_id: int, after: int, limit: int) -> list[Any]:
    """Raw rows of the log behind a sequence number, for streams and the engine."""
    query = select(event).where(event.c.session == row_id, event.c.seq > after).order_by(event.c.seq).limit(limit)
    return list(ctx.db.execute(query))
