"""Finding sessions and showing them."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, select
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.permissions import Permission as P
from cogmill.access.scope import owned
from cogmill.domain.sessions.schemas import PullRequestRef, SessionOut
from cogmill.domain.sessions.states import Detail, Status
from cogmill.kit.errors import Forbidden, NotFound
from cogmill.models.content import attachment
from cogmill.models.sessions import pull_request, session, session_attachment

SessionRow = Row[Any]
VIEW_ALL = (P.VIEW_ORG_SESSIONS, P.VIEW_ACCOUNT_SESSIONS)
MANAGE_ALL = (P.MANAGE_ORG_SESSIONS, P.MANAGE_ACCOUNT_SESSIONS)
BARE_ID = re.compile(r"[0-9a-f]{32}")


class SessionNotFound(NotFound):
    """No such session within reach."""


def full_id(devin_id: str) -> str:
    """Session ids are accepted with and without their prefix."""
    return f"devin-{devin_id}" if BARE_ID.fullmatch(devin_id) else devin_id


def is_own(ctx: Context, row: SessionRow) -> bool:
    """Whether the session is attributed to the caller or was created by it."""
    caller = ctx.principal.principal_id
    return caller in {row.user_id, row.service_user_id}


def mine(ctx: Context, query: Select[Any]) -> Select[Any]:
    """Without the right to see all sessions, a caller sees the own ones."""
    if ctx.allows(*VIEW_ALL):
        return query
    column = session.c.user_id if ctx.principal.service_user_id is None else session.c.service_user_id
    return query.where(column == ctx.principal.principal_id)


def find(ctx: Context, devin_id: str, *, lock: bool = False) -> SessionRow:
    """The session as the caller may see it, or SessionNotFound."""
    query = mine(ctx, owned(session, ctx.scope)).where(session.c.session_id == full_id(devin_id))
    row = ctx.db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise SessionNotFound(
            f"There is no session {devin_id[:64]!r} here. 'session_id' of the session list has the ids."
        )
    return row


def find_to_change(ctx: Context, devin_id: str) -> SessionRow:
    """The session, locked, if the caller may change it: all of them with ManageOrgSessions, the own ones without."""
    row = find(ctx, devin_id, lock=True)
    if not ctx.allows(*MANAGE_ALL) and not is_own(ctx, row):
        raise Forbidden(f"Missing required permission {P.MANAGE_ORG_SESSIONS} to change a session of somebody else.")
    return row


def enter(ctx: Context, devin_id: str, org_id: str | None) -> None:
    """Go on as a call on the session's organization; a named one must be that."""
    row = find(ctx, devin_id)
    if org_id not in {None, row.org_id}:
        raise SessionNotFound(f"There is no session {devin_id[:64]!r} in the organization that org_id names.")
    ctx.narrow(row.org_id)


def attachments_of(ctx: Context, row: SessionRow) -> list[Any]:
    """Files that came with the session, oldest first."""
    found = (
        select(attachment, session_attachment.c.source)
        .join(session_attachment, session_attachment.c.attachment_id == attachment.c.attachment_id)
        .where(session_attachment.c.session == row.id)
        .order_by(attachment.c.created_at, attachment.c.attachment_id)
    )
    return list(ctx.db.execute(found))


def present(ctx: Context, rows: Sequence[SessionRow]) -> list[SessionOut]:
    """Session rows as the API shows them, with their pull requests and children."""
    requests = _pull_requests(ctx.db, [row.id for row in rows])
    children = _children(ctx.db, [row.session_id for row in rows])
    base = ctx.runtime.settings.base_url
    return [_out(row, base, requests.get(row.id, []), children.get(row.session_id)) for row in rows]


def present_new(ctx: Context, row: Any) -> SessionOut:
    """A session that has just been created: it has neither pull requests nor children yet."""
    return _out(row, ctx.runtime.settings.base_url, [], None)


def session_url(base: str, org_id: str, session_id: str) -> str:
    """The page of a session on this server."""
    return f"{base}/organizations/{org_id}/sessions/{session_id}"


def _out(row: Any, base: str, requests: list[PullRequestRef], children: list[str] | None) -> SessionOut:
    out = SessionOut(
        session_id=row.session_id,
        url=session_url(base, row.org_id, row.session_id),
        status=Status(row.status),
        status_detail=Detail(row.status_detail) if row.status_detail else None,
        title=row.title,
        tags=row.tags,
        org_id=row.org_id,
        user_id=row.user_id,
        service_user_id=row.service_user_id,
        created_at=int(row.created_at),
        updated_at=int(row.updated_at),
        acus_consumed=row.acus_micro / 1_000_000,
        pull_requests=requests,
        structured_output=None,
        parent_session_id=row.parent_session_id,
        child_session_ids=children,
        playbook_id=row.playbook_id,
        is_archived=row.is_archived,
        origin=row.origin,
        category=row.category,
        subcategory=row.subcategory,
        is_advanced=row.request.get("advanced_mode") is not None,
    )
    if row.structured_output is None:
        return out
    return out.model_copy(update={"structured_output": row.structured_output})  # as its own schema wants it


def _pull_requests(db: Connection, row_ids: list[int]) -> dict[int, list[PullRequestRef]]:
    found: dict[int, list[PullRequestRef]] = defaultdict(list)
    columns = (pull_request.c.session, pull_request.c.url, pull_request.c.state)
    query = select(*columns).where(pull_request.c.session.in_(row_ids)).order_by(pull_request.c.id)
    for row in db.execute(query):
        found[row.session].append(PullRequestRef.model_construct(pr_url=row.url, pr_state=row.state))
    return found


def _children(db: Connection, session_ids: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    query = select(session.c.parent_session_id, session.c.session_id).where(
        session.c.parent_session_id.in_(session_ids)
    )
    for row in db.execute(query.order_by(session.c.id)):
        found[row.parent_session_id].append(row.session_id)
    return found
