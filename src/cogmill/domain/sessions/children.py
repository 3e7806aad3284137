"""Sessions that a session's agent starts and leads, with the rights of the one in whose name it runs."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cogmill.access.context import Context
from cogmill.access.permissions import Permission as P
from cogmill.access.principals import principal_by_id
from cogmill.access.scope import Scope, owned
from cogmill.domain.audit_logs import chain
from cogmill.domain.sessions import service
from cogmill.domain.sessions.create import create_session
from cogmill.domain.sessions.log import NewEvent
from cogmill.domain.sessions.queries import SessionRow, find
from cogmill.domain.sessions.schemas import MessageIn, SessionIn
from cogmill.domain.sessions.states import ENDED, State
from cogmill.kit.errors import Conflict, Forbidden, NotFound
from cogmill.models.sessions import session

MICRO = 1_000_000
STARTED_BY = "started_by"
"""In the request of a child that an agent started: the step that did it, and by which a repetition finds it."""


def acting(ctx: Context, row: SessionRow) -> Context:
    """The same transaction in the name, and with the rights of now, of the one whose session it is.

    Forbidden for a session that reviews: what it reads, strangers wrote.
    """
    if row.request.get("review") is not None:
        raise Forbidden("This session reviews a pull request; it does nothing else in its organization.")
    named = {"user_id": row.user_id} if row.user_id is not None else {"service_user_id": row.service_user_id}
    caller = principal_by_id(ctx.db, ctx.now, f"session {row.session_id}", **named)
    if caller is None:
        raise Forbidden("The one in whose name this session runs was removed or switched off.")
    return replace(
        ctx, scope=Scope(caller.enterprise_id, row.org_id), caller=caller, held=caller.in_org(row.org_id), audited={}
    )


def may_lead(ctx: Context, row: SessionRow) -> bool:
    """Whether the session's agent may start others."""
    try:
        return acting(ctx, row).allows(P.USE_DEVIN_EXPERT)
    except Forbidden:
        return False


def start(ctx: Context, parent: SessionRow, key: str, wanted: SessionIn) -> SessionRow:
    """A child of the session; the one of an earlier attempt of the same step, if there is one."""
    for one in of(ctx, parent):
        if one.request.get(STARTED_BY) == key:
            return one
    inner, parent = _leading(ctx, parent), service.reload(ctx, parent)
    limit = _rest(ctx, parent, wanted.max_acu_limit)
    given = wanted.model_copy(update={"max_acu_limit": limit, "bypass_approval": parent.request.get("bypass_approval")})
    made = create_session(inner, given, parent.session_id, "api", started_by=key)
    record(inner, parent, "create_session", {"session_id": made.session_id, "parent_session_id": parent.session_id})
    return service.reload(ctx, made)  # type: ignore[arg-type]


def of(ctx: Context, parent: SessionRow) -> list[SessionRow]:
    """The children of a session, the oldest first."""
    inside = Scope(ctx.scope.enterprise_id, parent.org_id)
    query = owned(session, inside).where(session.c.parent_session_id == parent.session_id)
    return list(ctx.db.execute(query.order_by(session.c.id)))


def read(ctx: Context, row: SessionRow, session_id: str) -> SessionRow:
    """Any session that the one in whose name this session runs may see."""
    return find(acting(ctx, row), session_id)


def message(ctx: Context, parent: SessionRow, session_id: str, text: str) -> SessionRow:
    """Say something to a child."""
    inner, child = _leading(ctx, parent), _child(ctx, parent, session_id)
    told = service.send_message(inner, child.session_id, MessageIn(message=text))
    record(inner, parent, "send_message", {"session_id": child.session_id, "parent_session_id": parent.session_id})
    return told


def end(ctx: Context, parent: SessionRow, session_id: str) -> SessionRow:
    """End a child for good."""
    inner, child = _leading(ctx, parent), _child(ctx, parent, session_id)
    ended = service.terminate(inner, child.session_id, archive=False)
    record(inner, parent, "terminate_session", {"session_id": child.session_id, "parent_session_id": parent.session_id})
    return ended


def lock_parent(ctx: Context, child: SessionRow) -> SessionRow | None:
    """The session whose agent leads this one, if it can still be told anything. To be asked before the child is
    changed: whoever locks both locks the parent first."""
    if child.parent_session_id is None or STARTED_BY not in child.request:
        return None
    inside = Scope(ctx.scope.enterprise_id, child.org_id)
    query = owned(session, inside).where(session.c.session_id == child.parent_session_id)
    parent = ctx.db.execute(query.with_for_update()).one_or_none()
    return None if parent is None or parent.is_archived or parent.status in ENDED else parent


def tell_parent(ctx: Context, parent: SessionRow, child: SessionRow, state: State, said: str | None) -> None:
    """How a turn of a child came out, as a message that wakes the parent."""
    named = f"{state.status} ({state.detail})" if state.detail else state.status.value
    title = f" ({child.title})" if child.title else ""
    text = f"Session {child.session_id}{title}, which you started, is {named}." + (
        f" It says:\n\n{said}" if said else ""
    )
    contents = {"message": text, "user_id": None, "from_session_id": child.session_id}
    service.hear(ctx, parent, [NewEvent("user_message", "message", text, contents, "incoming")])


def record(inner: Context, row: SessionRow, action: str, told: Mapping[str, Any]) -> None:
    """The audit record of what an agent did in somebody's name."""
    who = inner.principal
    chain.append(
        inner.db, inner.runtime.keyring, enterprise_id=inner.scope.enterprise_id, org_id=row.org_id, action=action,
        at=inner.now, user_id=who.user_id, service_user_id=who.service_user_id, request_id=inner.request_id,
        data=json.loads(json.dumps(dict(told))),
    )  # fmt: skip


def _leading(ctx: Context, parent: SessionRow) -> Context:
    inner = acting(ctx, parent)
    inner.require(P.USE_DEVIN_EXPERT, when="a session leads others")
    return inner


def _child(ctx: Context, parent: SessionRow, session_id: str) -> SessionRow:
    full = session_id if session_id.startswith("devin-") else f"devin-{session_id}"
    for one in of(ctx, parent):
        if one.session_id == full:
            return one
    raise NotFound(f"This session has started no session {session_id[:64]!r}.")


def _rest(ctx: Context, parent: SessionRow, asked: int | None) -> int | None:
    """The child's limit: together, children may not use more than what is left of their parent's own."""
    if parent.max_acu_limit is None:
        return asked
    given = sum(_promised(one) for one in of(ctx, parent))
    rest = int(parent.max_acu_limit - (parent.acus_micro + given) / MICRO)
    if rest < 1 or (asked is not None and asked > rest):
        raise Conflict(
            f"max_acu_limit: this session may use {parent.max_acu_limit} ACUs, of which {max(rest, 0)} are left for "
            "further children. Give a smaller limit, or do the work here."
        )
    return rest if asked is None else asked


def _promised(child: SessionRow) -> int:
    if child.status in ENDED or child.max_acu_limit is None:
        return int(child.acus_micro)
    return int(child.max_acu_limit) * MICRO
