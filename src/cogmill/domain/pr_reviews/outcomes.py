"""What becomes of reviews: looked at when due, cancelled by a push, completed, or errored with the reason."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, select, update

from cogmill.access.context import Context
from cogmill.access.permissions import Permission as P
from cogmill.access.scope import Scope
from cogmill.domain.git_providers.use import may_write
from cogmill.domain.sessions.log import NewEvent, append
from cogmill.domain.sessions.service import terminate
from cogmill.models.access import organization
from cogmill.models.git import git_connection
from cogmill.models.reviews import pr_review
from cogmill.models.sessions import pull_request, session, session_event

AGAIN_AFTER = (30.0, 120.0, 600.0, 1800.0, 7200.0)
"""Seconds between attempts to write a review at its provider; the one behind the last of them is the last."""
LEASE = 120.0
"""Seconds for which a process alone looks at a review."""
AT_ONCE = 20
_C = pr_review.c
_LONGEST = 2000
_MOST_EVENTS = 2000
_HELD = frozenset({P.VIEW_ORG_SESSIONS, P.MANAGE_ORG_SESSIONS})


@dataclass(frozen=True, slots=True)
class Look:
    """A review that is due, with all that says how it stands."""

    row: Row[Any]
    session: Row[Any]
    pull_request: Row[Any] | None
    connection: Row[Any] | None
    may_write: bool
    report: dict[str, Any] | None
    """What the session found, once it has finished."""
    failure: str | None
    """Why there will be no report."""


def claim(ctx: Context) -> Sequence[Row[Any]]:
    """Reviews that are due, for this process alone for a while."""
    ids = select(_C.pr_review_id).where(_C.check_at <= ctx.now).order_by(_C.check_at).limit(AT_ONCE)
    mine = update(pr_review).where(_C.check_at <= ctx.now, _C.pr_review_id.in_(ids))
    return ctx.db.execute(mine.values(check_at=ctx.now + LEASE).returning(*_C)).all()


def next_due(ctx: Context) -> float | None:
    """When the next one is looked at."""
    query = select(_C.check_at).where(_C.check_at.is_not(None)).order_by(_C.check_at).limit(1)
    return ctx.db.execute(query).scalar()


def look(ctx: Context, row: Row[Any]) -> Look:
    """How a review stands by what is known here."""
    ran = ctx.db.execute(select(session).where(session.c.id == row.session)).one()
    local = connection = None
    if row.pull_request_id is not None:
        known = select(pull_request).where(pull_request.c.pull_request_id == row.pull_request_id)
        local = ctx.db.execute(known).one_or_none()
    else:
        named = select(git_connection).where(git_connection.c.git_connection_id == row.git_connection_id)
        connection = ctx.db.execute(named).one_or_none()
    inside = replace(ctx, scope=Scope("", row.org_id))
    allowed = connection is not None and may_write(inside, connection, row.provider_path)
    report = failure = None
    if local is None and connection is None:
        failure = "The pull request, or the connection to its provider, is gone."
    elif ran.run_state == "idle" and (ran.status, ran.status_detail) == ("running", "finished"):
        report = row.report or _report(ctx, ran)
    elif ran.run_state == "idle" and (ran.status, ran.status_detail) != ("running", "waiting_for_approval"):
        failure = _failure(ctx, ran)
    return Look(row, ran, local, connection, allowed, report, failure)


def _report(ctx: Context, ran: Row[Any]) -> dict[str, Any]:
    """The data that a model gave; of a runbook the output with the name `review`, or else its last words."""
    found = ran.structured_output
    if isinstance(found, dict) and isinstance(found.get("summary"), str):
        return {**found, "is_data": True}
    events = _events(ctx, ran, "shell_process_completed", "devin_message")
    named = [said["output"] for kind, said in events if kind != "devin_message" and said.get("output_name") == "review"]
    spoken = [said["message"] for kind, said in events if kind == "devin_message"]
    return {"summary": next(iter([*named, *spoken]), "The session said nothing."), "findings": []}


def _failure(ctx: Context, ran: Row[Any]) -> str:
    """Why a session that stopped gave no review, in its own words."""
    events = _events(ctx, ran, "status_changed", "devin_message")
    reasons = [said["reason"] for kind, said in events if kind == "status_changed"][:1]
    spoken = [said["message"] for kind, said in events if kind == "devin_message"]
    why = next((one for one in [*reasons, *spoken] if one), "")
    named = f"{ran.status} ({ran.status_detail})" if ran.status_detail else ran.status
    further = ""
    if ran.status_detail == "usage_limit_exceeded" and ctx.runtime.settings.review_acu_limit:
        limit = f"{ctx.runtime.settings.review_acu_limit:g}"
        further = f" All reviews of a pull request together may use {limit} ACUs (review_acu_limit)."
    return f"The session is {named}. {why[:_LONGEST]}{further}".strip()


def _events(ctx: Context, ran: Row[Any], *kinds: str) -> list[tuple[str, dict[str, Any]]]:
    """Events of these types with what they say, newest first."""
    columns = session_event.c
    query = select(columns.event_type, columns.contents).where(columns.session == ran.id, columns.event_type.in_(kinds))
    rows = ctx.db.execute(query.order_by(columns.seq.desc()).limit(_MOST_EVENTS))
    return [(row.event_type, json.loads(row.contents)) for row in rows]


def cancel(ctx: Context, row: Row[Any], why: str) -> bool:
    """End a review that is under way, and its session. False: it is over already."""
    ran = ctx.db.execute(select(session.c.session_id).where(session.c.id == row.session).with_for_update()).one()
    still = select(_C.pr_review_id).where(_C.pr_review_id == row.pr_review_id, _C.check_at.is_not(None))
    if ctx.db.execute(still.with_for_update()).first() is None:
        return False
    event = NewEvent("review_cancelled", "git", f"This review is cancelled: {why}", {"reason": why}, "incoming")
    append(ctx, row.session, ran.session_id, [event])
    enterprise = select(organization.c.enterprise_id).where(organization.c.org_id == row.org_id)
    scope = Scope(ctx.db.execute(enterprise).scalar_one(), row.org_id)
    terminate(replace(ctx, scope=scope, held=ctx.held | _HELD, audited={}), ran.session_id, archive=False)
    return end(ctx, row, "errored", f"Cancelled by {why}.")


def end(
    ctx: Context, row: Row[Any], status: str, detail: str | None = None, report: dict[str, Any] | None = None
) -> bool:
    """The review is over. False: it was already."""
    values: dict[str, Any] = {"status": status, "detail": detail, "check_at": None, "updated_at": ctx.now}
    values |= {"report": report} if report is not None else {}
    mine = (_C.pr_review_id == row.pr_review_id, _C.check_at.is_not(None))
    return bool(ctx.db.execute(update(pr_review).where(*mine).values(values)).rowcount)


def look_again(ctx: Context, row: Row[Any], at: float) -> None:
    """Look at it at another time, unless somebody wants that earlier by now."""
    mine = (_C.pr_review_id == row.pr_review_id, _C.check_at == row.check_at)
    ctx.db.execute(update(pr_review).where(*mine).values(check_at=at))


def not_written(ctx: Context, seen: Look, why: str) -> None:
    """A provider did not take the review: it is tried again, but not for ever. What was found is kept."""
    row = seen.row
    if row.attempts >= len(AGAIN_AFTER):
        end(ctx, row, "errored", f"It could not be written at the pull request: {why}", seen.report)
        return
    values = {
        "attempts": row.attempts + 1, "check_at": ctx.now + AGAIN_AFTER[row.attempts], "report": seen.report,
        "detail": f"Not written at the pull request yet, which is tried again: {why}", "updated_at": ctx.now,
    }  # fmt: skip
    mine = (_C.pr_review_id == row.pr_review_id, _C.check_at == row.check_at)
    ctx.db.execute(update(pr_review).where(*mine).values(values))
