"""Telling people of the runs of a schedule."""

from typing import Any

from cogmill.access.context import Context
from cogmill.access.principals import principal_by_id
from cogmill.access.scope import Scope, of_enterprise
from cogmill.domain.mails.service import queue_mail
from cogmill.domain.schedules.acting import acting_user
from cogmill.domain.sessions.queries import session_url
from cogmill.kit.mail import is_address
from cogmill.models.access import user

WORDS = {"started": "started", "messaged": "wrote to its session", "skipped": "was left out", "failed": "failed"}


def tell(ctx: Context, row: Any, outcome: str, session_id: str | None, error: str | None, failures: int) -> None:
    """Called once for every run, in its transaction: the place where each way of telling is connected."""
    if row.notify_on == "always" or (row.notify_on == "failure" and _is_news(outcome, failures)):
        _mail(ctx, row, outcome, session_id, error, failures)


def _is_news(outcome: str, failures: int) -> bool:
    """The first failure of a row, the second, the fourth, and so on: not every minute the same."""
    return outcome == "failed" and failures & (failures - 1) == 0


def _mail(ctx: Context, row: Any, outcome: str, session_id: str | None, error: str | None, failures: int) -> None:
    to = _address(ctx, row)
    if to is None:
        return
    base = ctx.runtime.settings.base_url
    lines = [f"Schedule: {row.name} ({row.schedule_id})", f"Organization: {row.org_id}"]
    if session_id is not None:
        lines.append(f"Session: {session_url(base, row.org_id, session_id)}")
    if error is not None:
        lines.append(f"Why: {error}")
    if failures > 1:
        lines.append(f"Failures in a row: {failures}")
    queue_mail(ctx, to, f"Schedule {row.name} {WORDS[outcome]}", "\n".join(lines) + "\n")


def _address(ctx: Context, row: Any) -> str | None:
    """Of the user as whom it runs, else of the one who made it, while they belong to the organization."""
    for user_id in (acting_user(row), row.user_id):
        who = principal_by_id(ctx.db, ctx.now, "notice", user_id=user_id) if user_id is not None else None
        if who is None or not who.in_org(row.org_id):
            continue
        address = of_enterprise(user, Scope(who.enterprise_id, None), user.c.email).where(user.c.user_id == user_id)
        email = ctx.db.execute(address).scalar()
        if email is not None and is_address(email):
            return str(email)
    return None
