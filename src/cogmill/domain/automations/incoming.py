"""Incoming webhooks of automations: whoever knows address and secret sets one off."""

import hmac
import json
import math
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.domain.audit_logs import chain
from cogmill.domain.automations.schemas import TriggeredOut
from cogmill.domain.happenings.reactions import fits, queue
from cogmill.domain.happenings.types import WEBHOOK
from cogmill.kit.errors import Conflict, LimitReached, Unauthenticated
from cogmill.kit.ids import new_id
from cogmill.models.access import organization
from cogmill.models.automations import automation

LARGEST = 256 * 1024
KEPT_HEADERS = ("content-type", "x-github-event", "x-gitlab-event", "x-gitea-event", "x-forgejo-event", "x-event-key")
"""Headers by which senders say what it is; no others are kept."""


def known(ctx: Context, hook_id: str, secret: str) -> Row[Any] | None:
    """The automation, if address and secret belong together. Takes the same time for any wrong secret."""
    columns = (*automation.c, organization.c.deleted_at)
    query = select(*columns).join(organization, organization.c.org_id == automation.c.org_id)
    row = ctx.db.execute(query.where(automation.c.hook_id == hook_id)).one_or_none()
    expected = row.hook_secret if row is not None and row.deleted_at is None else ""
    is_right = hmac.compare_digest(ctx.runtime.keyring.token_hash(secret), expected)
    return row if is_right else None


def trigger(ctx: Context, hook_id: str, secret: str, event: dict[str, Any], key: str | None) -> TriggeredOut:
    """Queue a run. A repeated message with the same id has its run already."""
    row = known(ctx, hook_id, secret)
    if row is None:
        raise wrong()
    if not row.enabled:
        raise Conflict(f"Automation {row.automation_id} is disabled.", headers={"x-should-retry": "false"})
    if not fits(row, WEBHOOK, event):
        return TriggeredOut(state="not_matched", run_id=None)
    run_id, refused = queue(ctx, row, f"hook/{key or new_id('call')}", WEBHOOK, event)
    if refused is not None:
        raise LimitReached(refused)
    if run_id is not None:
        chain.append(
            ctx.db, ctx.runtime.keyring, enterprise_id=row.enterprise_id, org_id=row.org_id,
            action="trigger_automation", at=ctx.now, user_id=None, service_user_id=None, request_id=ctx.request_id,
            data={"automation_id": row.automation_id, "run_id": run_id},
        )  # fmt: skip
    return TriggeredOut(state="queued" if run_id else "duplicate", run_id=run_id)


def wrong() -> Unauthenticated:
    """An unknown address and a wrong secret are answered alike."""
    return Unauthenticated("Send the secret of this address as X-Webhook-Secret.")


def event_of(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """What conditions and the session see: the body, as JSON where it is such, and a few headers."""
    text = body.decode("utf-8", "replace").replace("\0", "\ufffd")
    try:
        read: Any = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        read = text
    kept = {name: headers[name][:256] for name in KEPT_HEADERS if name in headers}
    return {"body": _clean(read), "headers": kept}


def _clean(value: Any, depth: int = 0) -> Any:
    """Without what databases or readers choke on: NUL characters, numbers without end, and nesting without end."""
    if depth > 50:
        return None
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_clean(one, depth + 1) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # 1e999 is read as infinity, for which JSON has no form
    if isinstance(value, dict):
        return {_clean(name): _clean(one, depth + 1) for name, one in value.items()}
    return value
