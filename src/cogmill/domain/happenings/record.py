"""Writing down that something happened, for those who listen, in the transaction in which it does."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import bindparam, literal_column, or_, select, union_all

from cogmill.access.context import Context
from cogmill.access.scope import Scope, of_enterprise
from cogmill.domain.happenings.reactions import react
from cogmill.domain.happenings.types import group
from cogmill.kit.hot_insert import HotInsert
from cogmill.kit.hot_select import HotSelect
from cogmill.kit.ids import ordered_id
from cogmill.kit.json_text import compact
from cogmill.models.access import organization
from cogmill.models.automations import automation_trigger
from cogmill.models.webhooks import webhook, webhook_delivery

_ORG: Any = bindparam("org_id")
_ABOVE = select(organization.c.enterprise_id).where(organization.c.org_id == _ORG).scalar_subquery()
LISTENING = HotSelect(
    union_all(
        select(literal_column("1").label("is_webhook"), webhook.c.webhook_id.label("id"), webhook.c.event_types).where(
            or_(webhook.c.org_id == _ORG, webhook.c.org_id.is_(None) & (webhook.c.enterprise_id == _ABOVE)),
            webhook.c.is_enabled,
            webhook.c.deleted_at.is_(None),
        ),
        select(literal_column("0"), automation_trigger.c.automation_id, automation_trigger.c.event_type).where(
            automation_trigger.c.org_id == _ORG, automation_trigger.c.event_type == bindparam("event_type")
        ),
    )
)
"""All that an organization without webhooks and automations pays for: one query that looks into indexes."""
WEBHOOKS = "webhooks"
"""The background loop that sends them."""
INSERT = HotInsert(webhook_delivery)


def happened(ctx: Context, org_id: str, event_type: str, facts: Callable[[], dict[str, Any]]) -> None:
    """Queue the news for every webhook that wants it, and runs of automations. `facts` is asked only if there are such.

    Facts are ids, states, numbers and addresses: nothing that a person, a model or a program wrote.
    """
    listening = LISTENING(ctx.db, {"org_id": org_id, "event_type": event_type}, ctx.known)
    if not listening:
        return
    told = facts()
    webhooks = [one.id for one in listening if one.is_webhook and _hears(one, event_type)]
    automations = [one.id for one in listening if not one.is_webhook]
    if webhooks:
        deliver(ctx, webhooks, event_type, told)
    if automations:
        react(ctx, automations, event_type, told)


def happened_above(ctx: Context, enterprise_id: str, event_type: str, facts: Callable[[], dict[str, Any]]) -> None:
    """The same of what is no one organization's business: the enterprise's own webhooks hear of it."""
    columns = webhook.c
    mine = of_enterprise(webhook, Scope(enterprise_id, None)).where(
        columns.org_id.is_(None), columns.is_enabled, columns.deleted_at.is_(None)
    )
    listening = [one.webhook_id for one in ctx.db.execute(mine) if _hears(one, event_type)]
    if listening:
        deliver(ctx, listening, event_type, facts())


def _hears(row: Any, event_type: str) -> bool:
    return not {"", event_type, group(event_type)}.isdisjoint(row.event_types.split(" "))


def deliver(ctx: Context, webhook_ids: list[str], event_type: str, data: dict[str, Any]) -> list[str]:
    """Queue one message for each webhook; answers the ids of the deliveries."""
    at = datetime.fromtimestamp(ctx.now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = compact({"type": event_type, "timestamp": at, "data": data})
    rows = [
        {
            "delivery_id": ordered_id("msg"), "webhook_id": one, "event_type": event_type, "body": body,
            "state": "pending", "attempt": 0, "attempt_base": 0, "due_at": ctx.now, "created_at": ctx.now,
        }
        for one in webhook_ids
    ]  # fmt: skip
    INSERT(ctx.db, rows)
    ctx.after_commit.append(partial(ctx.runtime.signals.due, WEBHOOKS))
    return [str(row["delivery_id"]) for row in rows]
