"""Closes pull requests that nobody will go on with: at the built-in forge at once, at providers by the loop."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import select, update

from cogmill.access.context import Context
from cogmill.domain.pull_requests.service import LOOP, set_state
from cogmill.domain.sessions.log import NewEvent, append
from cogmill.models.sessions import pull_request, session

AGAIN_AFTER = (30.0, 120.0, 600.0, 1800.0, 7200.0, 14400.0, 28800.0)
"""Seconds between attempts at a provider; given up when the one behind the last of them fails, 15 hours later."""


def close_all(ctx: Context, sessions: Sequence[int]) -> list[str]:
    """Have the open pull requests of sessions (row ids) closed; answers the ids of those that are.

    Whoever calls this holds the sessions' rows: what happens to the pull requests is told in their logs.
    """
    columns = pull_request.c
    query = select(pull_request).where(columns.session.in_(sessions), columns.state == "open").order_by(columns.id)
    rows = ctx.db.execute(query).all()
    for row in rows:
        if row.git_connection_id is None:
            set_state(ctx, row.id, "closed")
    provided = [row.id for row in rows if row.git_connection_id is not None]
    wanted = update(pull_request).where(columns.id.in_(provided), columns.close_attempts.is_(None))
    if provided and ctx.db.execute(wanted.values(close_attempts=0, check_at=ctx.now)).rowcount:
        ctx.after_commit.append(partial(ctx.runtime.signals.due, LOOP))
    return [row.pull_request_id for row in rows]


def tell_failure(ctx: Context, row: Any, reason: str, *, is_final: bool) -> None:
    """Say in the session's log that a pull request could not be closed, and why."""
    session_id = ctx.db.execute(select(session.c.session_id).where(session.c.id == row.session)).scalar_one()
    further = "It stays open; close it there." if is_final else "This is tried again for some hours."
    contents = {
        "pull_request_id": row.pull_request_id, "repo": row.repo, "number": row.number, "url": row.url,
        "reason": reason, "is_given_up": is_final,
    }  # fmt: skip
    summary = f"Pull request #{row.number} of {row.repo} could not be closed: {reason} {further}"
    append(ctx, row.session, session_id, [NewEvent("pull_request_not_closed", "git", summary, contents, "incoming")])
