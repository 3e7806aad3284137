"""Hands mails to the mail server: at least once, each with its own Message-ID, again after a while when it fails."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import delete, select, update

from cogmill.access.context import Context
from cogmill.kit import metrics
from cogmill.kit.daemon import on_daemon_thread
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.kit.mail import compose
from cogmill.kit.smtp import Failure, deliver
from cogmill.models.mails import mail
from cogmill.web.call import Call

log = logger("mails")
AGAIN_AFTER = (30.0, 120.0, 600.0, 1800.0, 7200.0, 14400.0, 28800.0)
"""Seconds between attempts; a mail is given up when the one behind the last of them fails, 15 hours later."""
LEASE = 900.0
"""Seconds for which a process has a mail to itself; one that dies in between delays it for so long."""
AT_ONCE = 10
KEPT = 7 * 86400.0
"""Seconds for which mails that are over stay readable in the database."""


async def run_once(call: Call) -> float | None:
    """Send what is due; answers when the next one will be."""
    server, from_ = call.runtime.settings.smtp, call.runtime.settings.mail_from
    if server is None or from_ is None:
        return None
    while rows := await call.write(_claim):
        crash_point("mails_claimed")
        mails = [compose(row.message_id, from_, row.recipient, row.subject, row.body, row.created_at) for row in rows]
        outcomes = await on_daemon_thread(partial(deliver, server, mails))
        crash_point("mails_sent")
        await call.write(partial(_settle, rows, outcomes))
        for failure in outcomes:
            metrics.MAILS.labels("taken" if failure is None else "failed").inc()
    await call.write(_forget)
    return await call.read(_next_due)


def _claim(ctx: Context) -> Sequence[Any]:
    """Mails that this process alone sends until the lease is over."""
    columns = mail.c
    due = (columns.state == "waiting", columns.due_at <= ctx.now)
    ids = select(columns.id).where(*due).order_by(columns.due_at, columns.id).limit(AT_ONCE)
    claim = update(mail).where(*due, columns.id.in_(ids))
    claim = claim.values(due_at=ctx.now + LEASE, attempts=columns.attempts + 1).returning(*columns)
    return sorted(ctx.db.execute(claim).all(), key=lambda row: row.id)


def _settle(rows: Sequence[Any], outcomes: Sequence[Failure | None], ctx: Context) -> None:
    for row, failure in zip(rows, outcomes, strict=True):
        values: dict[str, Any] = {"state": "sent", "due_at": ctx.now, "last_error": None}
        if failure is not None:
            values = _after(row, failure, ctx.now)
            told = log.warning if values["state"] == "given_up" else log.info
            told(
                "mail_not_taken", mail=row.message_id, attempts=row.attempts, next=values["state"], error=failure.reason
            )
        mine = (
            mail.c.id == row.id,
            mail.c.attempts == row.attempts,
        )  # unless the lease ended and another process has it
        ctx.db.execute(update(mail).where(*mine).values(values))


def _after(row: Any, failure: Failure, now: float) -> dict[str, Any]:
    if failure.is_final or row.attempts > len(AGAIN_AFTER):
        return {"state": "given_up", "due_at": now, "last_error": failure.reason}
    return {"due_at": now + AGAIN_AFTER[row.attempts - 1], "state": "waiting", "last_error": failure.reason}


def _forget(ctx: Context) -> None:
    for state in ("sent", "given_up"):
        old = select(mail.c.id).where(mail.c.state == state, mail.c.due_at < ctx.now - KEPT).limit(200)
        ctx.db.execute(delete(mail).where(mail.c.id.in_(old)))


def _next_due(ctx: Context) -> float | None:
    waiting = select(mail.c.due_at).where(mail.c.state == "waiting").order_by(mail.c.due_at).limit(1)
    return ctx.db.execute(waiting).scalar()
