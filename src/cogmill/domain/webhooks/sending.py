"""What the delivery loop writes: who is due, taking a delivery for one attempt, and what came of it."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import delete, func, insert, select, update
from standardwebhooks import Webhook

from cogmill.access.context import Context
from cogmill.domain.webhooks.service import disable, opened_secrets
from cogmill.kit.outbound import Answer
from cogmill.models.webhooks import webhook, webhook_attempt, webhook_delivery

DELAYS = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 21_600.0, 36_000.0)
"""Seconds before each further attempt: the last one comes about a day after the first."""
LEASE = 60.0
"""An attempt that is not settled by then was cut off; longer than any attempt may take."""
PATIENCE_DAYS = 5.0
"""A webhook that has done nothing but fail for so long is switched off."""
INTERRUPTED = "the server stopped during the attempt; whether it arrived is unknown"


@dataclass(frozen=True, slots=True)
class Claimed:
    """One attempt that this process alone makes."""

    delivery_id: str
    webhook_id: str
    attempt: int
    tries: int
    url: str
    body: str
    secrets: list[str]


def next_due(ctx: Context) -> list[tuple[str, float]]:
    """When each webhook's next delivery is due: one look into an index for each webhook that is on."""
    first = (
        select(func.min(webhook_delivery.c.due_at))
        .where(webhook_delivery.c.webhook_id == webhook.c.webhook_id, webhook_delivery.c.due_at.is_not(None))
        .scalar_subquery()
    )
    query = select(webhook.c.webhook_id, first).where(webhook.c.is_enabled, webhook.c.deleted_at.is_(None))
    return sorted(((row[0], row[1]) for row in ctx.db.execute(query) if row[1] is not None), key=lambda one: one[1])


def claim(ctx: Context, webhook_id: str, count: int) -> list[Claimed]:
    """Take up to `count` deliveries of a webhook that are due, oldest first."""
    url = ctx.db.execute(select(webhook.c.url).where(webhook.c.webhook_id == webhook_id, webhook.c.is_enabled)).scalar()
    columns = webhook_delivery.c
    due = select(webhook_delivery).where(columns.webhook_id == webhook_id, columns.due_at <= ctx.now)
    rows = ctx.db.execute(due.order_by(columns.due_at).limit(count).with_for_update(skip_locked=True)).all()
    if url is None or not rows:
        return []
    try:
        keys = opened_secrets(ctx, webhook_id)
    except (InvalidTag, KeyError):
        disable(ctx, webhook_id, "Its secret cannot be read with the keys of this server. Rotate it.")
        return []
    claimed = []
    for row in rows:
        if row.state == "sending":
            _log(ctx, row.delivery_id, row.attempt, Answer(None, 0, INTERRUPTED))
        mine = (columns.delivery_id == row.delivery_id, columns.attempt == row.attempt, columns.due_at == row.due_at)
        taken = {"state": "sending", "attempt": row.attempt + 1, "due_at": ctx.now + LEASE}
        if ctx.db.execute(update(webhook_delivery).where(*mine).values(taken)).rowcount:
            number = row.attempt + 1
            tries = number - row.attempt_base
            claimed.append(Claimed(row.delivery_id, webhook_id, number, tries, url, row.body, keys))
    return claimed


def headers(one: Claimed, now: float) -> dict[str, str]:
    """Id, time and signatures as Standard Webhooks say; with two secrets there are two signatures."""
    at = datetime.fromtimestamp(int(now), UTC)
    signatures = [Webhook(secret).sign(one.delivery_id, at, one.body) for secret in one.secrets]
    return {
        "content-type": "application/json", "webhook-id": one.delivery_id,
        "webhook-timestamp": str(int(now)), "webhook-signature": " ".join(signatures),
    }  # fmt: skip


def settle(ctx: Context, one: Claimed, answer: Answer) -> None:
    """Write down what came of an attempt. Does nothing when somebody else has taken the delivery since."""
    columns = webhook_delivery.c
    mine = (columns.delivery_id == one.delivery_id, columns.attempt == one.attempt, columns.state == "sending")
    state, due_at = _after(ctx, one, answer)
    if not ctx.db.execute(update(webhook_delivery).where(*mine).values(state=state, due_at=due_at)).rowcount:
        return
    _log(ctx, one.delivery_id, one.attempt, answer)
    of_webhook = webhook.c.webhook_id == one.webhook_id
    if answer.is_success:
        failing = update(webhook).where(of_webhook, webhook.c.failing_since.is_not(None))
        ctx.db.execute(failing.values(failing_since=None))
        return
    first = update(webhook).where(of_webhook, webhook.c.failing_since.is_(None)).values(failing_since=ctx.now)
    ctx.db.execute(first)
    if answer.status == 410:
        disable(ctx, one.webhook_id, "The endpoint answered 410 Gone.")
        return
    since: float = ctx.db.execute(select(webhook.c.failing_since).where(of_webhook)).scalar() or ctx.now
    if ctx.now - since > PATIENCE_DAYS * 86_400:
        disable(ctx, one.webhook_id, f"Every attempt failed for more than {PATIENCE_DAYS:g} days.")


def _after(ctx: Context, one: Claimed, answer: Answer) -> tuple[str, float | None]:
    if answer.is_success:
        return "delivered", None
    if answer.status == 410 or one.tries > len(DELAYS):
        return "failed", None
    wait = DELAYS[one.tries - 1] * random.uniform(0.8, 1.2)
    return "pending", ctx.now + max(wait, min(answer.retry_after or 0, DELAYS[-1]))


def _log(ctx: Context, delivery_id: str, attempt: int, answer: Answer) -> None:
    values: dict[str, Any] = {"delivery_id": delivery_id, "attempt": attempt, "at": ctx.now}
    values |= {"status_code": answer.status, "duration_ms": answer.duration_ms}
    ctx.db.execute(insert(webhook_attempt).values(**values, error=answer.error, excerpt=answer.excerpt))


def forget(ctx: Context, before: float, most: int) -> int:
    """Remove old deliveries and those of deleted webhooks, up to `most`; answers how many rows went."""
    columns, gone = webhook_delivery.c, webhook.c.deleted_at.is_not(None)
    ids = list(ctx.db.execute(select(columns.delivery_id).where(columns.created_at < before).limit(most)).scalars())
    orphaned = select(columns.delivery_id).where(columns.webhook_id.in_(select(webhook.c.webhook_id).where(gone)))
    ids += ctx.db.execute(orphaned.limit(most - len(ids))).scalars() if len(ids) < most else []
    if ids:
        ctx.db.execute(delete(webhook_attempt).where(webhook_attempt.c.delivery_id.in_(ids)))
        ctx.db.execute(delete(webhook_delivery).where(columns.delivery_id.in_(ids)))
        return len(ids)
    used = select(columns.delivery_id).where(columns.webhook_id == webhook.c.webhook_id).exists()
    return ctx.db.execute(delete(webhook).where(gone, ~used)).rowcount
