"""As whom a schedule runs, and what that takes: asked when it is written, and again at every run."""

from dataclasses import replace
from typing import Any

from cogmill.access.context import Context
from cogmill.access.permissions import Permission as P
from cogmill.access.principals import principal_by_id
from cogmill.access.scope import Scope
from cogmill.domain.sessions.queries import SessionRow, find_to_change
from cogmill.kit.errors import BadRequest, Forbidden, NotFound

MAY_START = (P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_SESSIONS)
"""What creating a session, or writing to one, takes over the API."""


def acting_user(row: Any) -> str | None:
    """The user as whom a schedule runs; None: as the service user who made it."""
    user_id: str | None = row.run_as_user_id or row.user_id
    return user_id


def act(ctx: Context, row: Any) -> Context:
    """The same transaction in the name, and with the rights of now, of the one as whom the schedule runs.

    Forbidden when there is no such one any more, or it may not do what the schedule does.
    """
    user_id = acting_user(row)
    named = {"user_id": user_id} if user_id is not None else {"service_user_id": row.service_user_id}
    known, own_id = {} if ctx.known is None else ctx.known, user_id or row.service_user_id
    if own_id not in known:
        known[own_id] = principal_by_id(ctx.db, ctx.now, "schedule", **named)
    caller = known[own_id]
    who = f"user {user_id}" if user_id is not None else f"service user {row.service_user_id}"
    if caller is None:
        raise Forbidden(f"The schedule runs as {who}, who was removed or switched off. Name another in run_as_user_id.")
    held = caller.in_org(row.org_id)
    inner = replace(ctx, scope=Scope(caller.enterprise_id, row.org_id), caller=caller, held=held, audited={})
    if not inner.allows(*MAY_START):
        raise Forbidden(f"The schedule runs as {who}, who lacks {' or '.join(MAY_START)} in this organization.")
    if row.bypass_approval and not inner.allows(P.USE_DEVIN_EXPERT):
        raise Forbidden(f"bypass_approval: the schedule runs as {who}, who lacks {P.USE_DEVIN_EXPERT}.")
    return inner


def target_of(inner: Context, row: Any) -> SessionRow:
    """The session that a schedule writes to, as the one as whom it runs may change it."""
    try:
        return find_to_change(inner, row.target_devin_id)
    except NotFound:
        shown = row.target_devin_id[:64]
        raise BadRequest(f"target_devin_id: there is no session {shown!r} in this organization.") from None


def require_may_direct(ctx: Context, row: Any) -> None:
    """Who says what a schedule does has it done with the rights, and the secrets, of the one as whom it runs."""
    user_id = acting_user(row)
    if user_id == ctx.principal.user_id and user_id is not None:
        return
    if user_id is not None:
        ctx.require(
            P.IMPERSONATE_ORG_SESSIONS,
            when=f"this schedule runs as user {user_id}; or name yourself in run_as_user_id",
        )
        return
    ctx.require(*MAY_START, when="saying what a schedule does")
    if row.bypass_approval:
        ctx.require(P.USE_DEVIN_EXPERT, when="bypass_approval is set")
