"""The log of what was sent to a webhook, sending again, and a test message."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.domain.happenings.record import WEBHOOKS, deliver
from cogmill.domain.happenings.types import PING
from cogmill.domain.webhooks.schemas import AttemptOut, DeliveryDetailsOut, DeliveryFilters, DeliveryOut
from cogmill.domain.webhooks.service import find
from cogmill.kit.errors import Conflict, NotFound
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.webhooks import webhook_attempt, webhook_delivery


def list_page(ctx: Context, webhook_id: str, query: DeliveryFilters) -> Slice[DeliveryOut]:
    """Newest first."""
    row, columns = find(ctx, webhook_id), webhook_delivery.c
    sent = select(webhook_delivery).where(columns.webhook_id == row.webhook_id)
    if query.state is not None:
        sent = sent.where(columns.state == query.state)
    part = fetch_page(ctx.db, sent, columns.delivery_id, query.first, query.after, descending=True)
    last = _last_attempts(ctx, part.items)
    return part.map(lambda one: DeliveryOut(**_shown(one, last.get(one.delivery_id))))


def get(ctx: Context, webhook_id: str, delivery_id: str) -> DeliveryDetailsOut:
    """With what was sent, and every attempt."""
    row = _find(ctx, webhook_id, delivery_id)
    made = select(webhook_attempt).where(webhook_attempt.c.delivery_id == row.delivery_id)
    attempts = ctx.db.execute(made.order_by(webhook_attempt.c.attempt)).all()
    shown = _shown(row, attempts[-1] if attempts else None)
    return DeliveryDetailsOut(
        **shown, payload=json.loads(row.body), attempts=[AttemptOut(**_attempt(one)) for one in attempts]
    )


def replay(ctx: Context, webhook_id: str, delivery_id: str) -> DeliveryOut:
    """Send it again, now and with all retries, whatever became of it; the receiver sees the same id."""
    _require_enabled(ctx, webhook_id)
    row, columns = _find(ctx, webhook_id, delivery_id), webhook_delivery.c
    again = {"state": "pending", "due_at": ctx.now, "attempt_base": row.attempt}
    mine = (columns.delivery_id == row.delivery_id, columns.state != "sending")
    changed = ctx.db.execute(update(webhook_delivery).where(*mine).values(again).returning(*columns)).one_or_none()
    if changed is None:
        raise Conflict(f"Delivery {row.delivery_id} is just being sent. Look at it again in a moment.")
    ctx.after_commit.append(partial(ctx.runtime.signals.due, WEBHOOKS))
    return DeliveryOut(**_shown(changed, _last_attempts(ctx, [changed]).get(row.delivery_id)))


def ping(ctx: Context, webhook_id: str) -> DeliveryOut:
    """A test message, whatever event types the webhook wants."""
    _require_enabled(ctx, webhook_id)
    (delivery_id,) = deliver(ctx, [webhook_id], PING, {"webhook_id": webhook_id})
    return DeliveryOut(**_shown(_find(ctx, webhook_id, delivery_id), None))


def _require_enabled(ctx: Context, webhook_id: str) -> None:
    if not find(ctx, webhook_id).is_enabled:
        raise Conflict(f"Webhook {webhook_id} is disabled. Enable it first: PATCH with is_enabled true.")


def _find(ctx: Context, webhook_id: str, delivery_id: str) -> Row[Any]:
    row, columns = find(ctx, webhook_id), webhook_delivery.c
    mine = (columns.webhook_id == row.webhook_id, columns.delivery_id == delivery_id)
    found = ctx.db.execute(select(webhook_delivery).where(*mine)).one_or_none()
    if found is None:
        raise NotFound(f"Webhook {row.webhook_id} has no delivery {delivery_id[:64]!r}.")
    return found


def _last_attempts(ctx: Context, rows: Sequence[Row[Any]]) -> dict[str, Row[Any]]:
    columns = webhook_attempt.c
    keys = [(row.delivery_id, row.attempt - (row.state == "sending")) for row in rows]
    found = select(webhook_attempt).where(tuple_(columns.delivery_id, columns.attempt).in_(keys))
    return {one.delivery_id: one for one in ctx.db.execute(found)} if keys else {}


def _shown(row: Row[Any], last: Row[Any] | None) -> dict[str, Any]:
    waits = row.state == "pending" and row.due_at is not None
    return {
        "delivery_id": row.delivery_id, "webhook_id": row.webhook_id, "event_type": row.event_type,
        "state": row.state, "attempt": row.attempt, "next_attempt_at": int(row.due_at) if waits else None,
        "created_at": int(row.created_at), "last_attempt_at": None if last is None else int(last.at),
        "status_code": last and last.status_code, "duration_ms": last and last.duration_ms,
        "error": last and last.error, "response_excerpt": last and last.excerpt,
    }  # fmt: skip


def _attempt(one: Row[Any]) -> dict[str, Any]:
    same = ("attempt", "status_code", "duration_ms", "error")
    return {name: getattr(one, name) for name in same} | {"at": int(one.at), "response_excerpt": one.excerpt}
