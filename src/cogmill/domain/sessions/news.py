"""What is told of a session to webhooks and automations."""

from functools import partial
from typing import Any

from sqlalchemy import select

from cogmill.access.context import Context
from cogmill.domain.happenings.reactions import AUTOMATIONS
from cogmill.domain.happenings.record import happened
from cogmill.domain.happenings.types import SESSION_CREATED
from cogmill.domain.pr_reviews import jobs as reviews
from cogmill.domain.schedules import outcomes
from cogmill.domain.sessions.queries import session_url
from cogmill.domain.sessions.states import Detail, State, Status
from cogmill.models.reviews import ORIGIN
from cogmill.models.sessions import session

_TOLD = (
    "session_id", "org_id", "status", "status_detail", "user_id", "service_user_id", "origin", "playbook_id",
    "schedule_id", "parent_session_id", "is_archived",
)  # fmt: skip
"""No title: it may be the beginning of the prompt."""


def created(ctx: Context, row: Any) -> None:
    """A session was made."""
    happened(ctx, row.org_id, SESSION_CREATED, partial(_facts, ctx, row))


def changed(ctx: Context, row_id: int, org_id: str, origin: str, state: State) -> None:
    """A session's state became another one."""
    name = state.detail if state.status is Status.RUNNING and state.detail else state.status

    def facts() -> dict[str, Any]:
        return _facts(ctx, ctx.db.execute(select(session).where(session.c.id == row_id)).one())

    happened(ctx, org_id, f"session.{name.value}", facts)
    if origin == ORIGIN:
        reviews.session_changed(ctx, row_id)
    if origin == "automation":  # it may have made room for a run that waits
        ctx.after_commit.append(partial(ctx.runtime.signals.due, AUTOMATIONS))
        _tell_schedule(ctx, row_id, state)


def _tell_schedule(ctx: Context, row_id: int, state: State) -> None:
    """How the session of a schedule came out."""
    is_bad = state.status is Status.ERROR or state == State(Status.SUSPENDED, Detail.ERROR)
    if not is_bad and state != State(Status.RUNNING, Detail.FINISHED):
        return
    row = ctx.db.execute(select(session.c.session_id, session.c.schedule_id).where(session.c.id == row_id)).one()
    if row.schedule_id is not None:
        settle = outcomes.session_erred if is_bad else outcomes.session_finished
        settle(ctx, row.schedule_id, row.session_id)


def _facts(ctx: Context, row: Any) -> dict[str, Any]:
    facts = {name: getattr(row, name) for name in _TOLD}
    facts |= {"created_at": int(row.created_at), "updated_at": int(row.updated_at), "seq": row.last_seq}
    facts["acus_consumed"] = row.acus_micro / 1_000_000
    facts["url"] = session_url(ctx.runtime.settings.base_url, row.org_id, row.session_id)
    return facts
