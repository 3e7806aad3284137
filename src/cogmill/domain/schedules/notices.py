"""Telling people, webhooks and automations of the runs of a schedule."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from cogmill.access.context import Context
from cogmill.access.principals import principal_by_id
from cogmill.access.scope import Scope, of_enterprise
from cogmill.domain.happenings.record import happened
from cogmill.domain.mails.service import queue_mail
from cogmill.domain.schedules.acting import acting_user
from cogmill.domain.sessions.queries import session_url
from cogmill.kit.mail import is_address
from cogmill.models.access import user

WORDS = {"started": "started", "messaged": "wrote to its session", "skipped": "was left out", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one run."""

    outcome: Literal["started", "messaged", "skipped", "failed"]
    session_id: str | None = None
    error: str | None = None


def tell(ctx: Context, row: Any, ran: Ran, run: int, failures: int) -> None:
    """Called once for everything that becomes of a run, in its transaction. `run`: its number."""
    happened(ctx, row.org_id, f"schedule.{ran.outcome}", partial(_facts, row, ran, run, failures))
    if row.notify_on == "always" or (row.notify_on == "failure" and _is_news(ran.outcome, failures)):
        _mail(ctx, row, ran, failures)


def _facts(row: Any, ran: Ran, run: int, failures: int) -> dict[str, Any]:
    """No name and no error: people and programs wrote them."""
    return {
        "schedule_id": row.schedule_id, "org_id": row.org_id, "run": run, "session_id": ran.session_id,
        "consecutive_failures": failures,
    }  # fmt: skip


def _is_news(outcome: str, failures: int) -> bool:
    """The first failure of a row, the second, the fourth, and so on: not every minute the same."""
    return outcome == "failed" and failures & (failures - 1) == 0


def _mail(ctx: Context, row: Any, ran: Ran, failures: int) -> None:
    to = _address(ctx, row)
    if to is None:
        return
    base = ctx.runtime.settings.base_url
    lines = [f"Schedule: {row.name} ({row.schedule_id})", f"Organization: {row.org_id}"]
    if ran.session_id is not None:
        lines.append(f"Session: {session_url(base, row.org_id, ran.session_id)}")
    if ran.error is not None:
        lines.append(f"Why: {ran.error}")
    if failures > 1:
        lines.append(f"Failures in a row: {failures}")
    queue_mail(ctx, to, f"Schedule {row.name} {WORDS[ran.outcome]}", "\n".join(lines) + "\n")


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
