"""Sessions and attachments of v1."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from cogmill.access.context import Context
from cogmill.api.legacy.reading import as_input, at_offset, iso
from cogmill.api.legacy.v1.schemas import (
    DetailOut,
    MessageV1In,
    MessageV1Out,
    PullRequestV1Out,
    SessionDetailsV1Out,
    SessionsQuery,
    SessionsV1Out,
    SessionV1CreatedOut,
    SessionV1In,
    SessionV1Out,
    TagsV1In,
)
from cogmill.api.legacy.v1.states import plain_status, status_enum
from cogmill.domain.attachments import endpoints as attachments
from cogmill.domain.attachments.schemas import AttachmentOut
from cogmill.domain.members.names import emails, with_email
from cogmill.domain.sessions import events, listing, queries, service
from cogmill.domain.sessions.create import create_session
from cogmill.domain.sessions.once import create_once
from cogmill.domain.sessions.schemas import MessageIn, SessionFilters, SessionIn, SessionOut
from cogmill.kit.errors import BadRequest
from cogmill.web.call import Call

NOT_SENT_ON = {"idempotent", "snapshot_id", "unlisted"}
MOST_MESSAGES = 10_000


def create(ctx: Context, body: SessionV1In) -> SessionV1CreatedOut:
    """Begins a session. `idempotent`: the same request of the same key finds the session that it made first."""
    data = as_input(SessionIn, _accepted(body))
    row, is_new = create_once(ctx, data, "api") if body.idempotent else (create_session(ctx, data, None, "api"), True)
    url = queries.session_url(ctx.runtime.settings.base_url, row.org_id, row.session_id)
    return SessionV1CreatedOut(session_id=row.session_id, url=url, is_new_session=is_new)


def _accepted(body: SessionV1In) -> dict[str, Any]:
    """What v3 takes of it; refuses what it could not honour."""
    if body.snapshot_id is not None:
        raise BadRequest(
            "snapshot_id: sessions begin on the organization's active snapshot. Pin the build that you want "
            "(POST /v3beta1/organizations/{org_id}/snapshot-setup/builds/{build_id}/pin) and leave snapshot_id out."
        )
    if body.unlisted:
        raise BadRequest("unlisted: lists show every session to whoever may see it. Leave unlisted out.")
    return body.model_dump(exclude_unset=True, exclude=NOT_SENT_ON)


def list_(ctx: Context, query: SessionsQuery) -> SessionsV1Out:
    """Newest first."""
    user_ids = None if query.user_email is None else with_email(ctx, query.user_email)
    filters = SessionFilters(tags=query.tags, user_ids=user_ids)
    offset = query.offset if query.skip is None else query.skip
    rows, _ = at_offset(
        lambda after, first: listing.list_page(ctx, filters.model_copy(update={"after": after, "first": first})),
        offset, query.limit,
    )  # fmt: skip
    return SessionsV1Out(sessions=[SessionV1Out(**one) for one in _shown(ctx, rows)])


def get(ctx: Context, session_id: str) -> SessionDetailsV1Out:
    """One session with its messages, oldest first."""
    (shown,) = _shown(ctx, [queries.find(ctx, session_id)])
    said = events.conversation(ctx, session_id, MOST_MESSAGES)
    names = emails(ctx, [one.user_id for one in said])
    messages = [_message(one, is_first=n == 0, name=names.get(one.user_id)) for n, one in enumerate(said)]
    return SessionDetailsV1Out(**shown, messages=messages)


def _shown(ctx: Context, rows: Sequence[queries.SessionRow]) -> list[dict[str, Any]]:
    owners = emails(ctx, [row.user_id for row in rows])
    return [_fields(one, owners.get(one.user_id)) for one in queries.present(ctx, rows)]


def _fields(one: SessionOut, email: str | None) -> dict[str, Any]:
    requests = one.pull_requests
    return {
        "session_id": one.session_id, "url": one.url, "title": one.title, "playbook_id": one.playbook_id,
        "status": plain_status(one.status, one.status_detail), "tags": one.tags, "snapshot_id": None,
        "status_enum": status_enum(one.status, one.status_detail), "structured_output": one.structured_output,
        "created_at": iso(one.created_at), "updated_at": iso(one.updated_at), "requesting_user_email": email,
        "pull_request": PullRequestV1Out(url=requests[-1].pr_url) if requests else None,
    }  # fmt: skip


def _message(one: events.Said, *, is_first: bool, name: str | None) -> MessageV1Out:
    is_users = one.event_type == "user_message"
    return MessageV1Out(
        type="devin_message" if not is_users else "initial_user_message" if is_first else "user_message",
        event_id=one.event_id, message=one.message, timestamp=iso(one.created_at), username=name,
        origin=None, user_id=one.user_id,
    )  # fmt: skip


def terminate(ctx: Context, session_id: str) -> DetailOut:
    """Ends a session for good."""
    service.terminate_live(ctx, session_id)
    return DetailOut(detail="Session terminated successfully")


def send_message(ctx: Context, session_id: str, body: MessageV1In) -> DetailOut | None:
    """Says something to a session, which wakes it; answers null."""
    service.send_message(ctx, session_id, MessageIn(message=body.message))
    return None


def replace_tags(ctx: Context, session_id: str, body: TagsV1In) -> DetailOut:
    service.replace_tags(ctx, session_id, body.tags)
    return DetailOut(detail="Tags updated successfully")


async def upload(call: Call, request: Request) -> str:
    """Answers the file's address, for a line ATTACHMENT:"address" of a prompt or message."""
    base = call.runtime.settings.base_url

    def address(made: AttachmentOut) -> str:
        return f"{base}/v1/attachments/{made.attachment_id}/{quote(made.name)}"

    return await attachments.keep(call, request, address)
