"""Keeping webhooks, those of organizations and those that hear of the whole enterprise."""

import base64
import secrets
from functools import partial
from typing import Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise
from cogmill.domain.happenings.record import WEBHOOKS
from cogmill.domain.webhooks.schemas import WebhookIn, WebhookOut, WebhookPatch, WebhookWithSecretOut
from cogmill.kit.errors import Conflict, Invalid, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.outbound import NotAllowed, Outbound
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.webhooks import webhook
from cogmill.web.params import PageQuery

WebhookRow = Row[Any]
MOST = 20
"""Webhooks of an organization, and of the enterprise: each costs every change a row."""
GRACE_SECONDS = 86_400
"""How long an old secret goes on signing beside the new one."""


def _reachable(ctx: Context) -> Select[Any]:
    """The scope's own ones: an organization does not see those of the enterprise."""
    own = webhook.c.org_id == ctx.scope.org_id if ctx.scope.org_id else webhook.c.org_id.is_(None)
    return of_enterprise(webhook, ctx.scope).where(own, webhook.c.deleted_at.is_(None))


def find(ctx: Context, webhook_id: str, *, lock: bool = False) -> WebhookRow:
    query = _reachable(ctx).where(webhook.c.webhook_id == webhook_id)
    row = ctx.db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no webhook {webhook_id[:64]!r} here.")
    return row


def list_page(ctx: Context, query: PageQuery) -> Slice[WebhookOut]:
    """Newest first."""
    part = fetch_page(ctx.db, _reachable(ctx), webhook.c.webhook_id, query.first, query.after, descending=True)
    return part.map(_present)


def get(ctx: Context, webhook_id: str) -> WebhookOut:
    return _present(find(ctx, webhook_id))


def create(ctx: Context, data: WebhookIn) -> WebhookWithSecretOut:
    """One more endpoint. Its secret is told now and never again."""
    _check_url(ctx, data.url)
    if len(ctx.db.execute(_reachable(ctx).limit(MOST)).all()) == MOST:
        raise Conflict(f"There are {MOST} webhooks here, and may be no more. Delete one that nobody needs.")
    webhook_id, secret = ordered_id("webhook"), _new_secret()
    who = ctx.principal.principal_id
    values = {
        "webhook_id": webhook_id, "enterprise_id": ctx.scope.enterprise_id, "org_id": ctx.scope.org_id,
        "url": data.url, "description": data.description, "event_types": " ".join(data.event_types or []),
        "is_enabled": data.is_enabled, "sealed": ctx.runtime.keyring.encrypt(secret, webhook_id),
        "created_at": ctx.now, "created_by": who, "updated_at": ctx.now, "updated_by": who,
    }  # fmt: skip
    ctx.db.execute(insert(webhook).values(values))
    ctx.audited |= {"webhook_id": webhook_id, "url": data.url}
    return _with_secret(find(ctx, webhook_id), secret)


def change(ctx: Context, webhook_id: str, data: WebhookPatch) -> WebhookOut:
    """What is switched on again begins with a clean slate, and takes up what waits."""
    row, values = find(ctx, webhook_id, lock=True), {}
    sent = data.model_dump(include=data.model_fields_set)
    for name in ("url", "is_enabled"):
        if name in sent and sent[name] is None:
            raise Invalid.at("body", name, msg="cannot be null; leave it out to keep what is there")
    if "url" in sent:
        _check_url(ctx, sent["url"])
    if "event_types" in sent:
        sent["event_types"] = " ".join(sent["event_types"] or [])
    if sent.get("is_enabled") and not row.is_enabled:
        values = {"disabled_reason": None, "failing_since": None}
    values |= sent
    who = {"updated_at": ctx.now, "updated_by": ctx.principal.principal_id}
    ctx.db.execute(update(webhook).where(webhook.c.webhook_id == row.webhook_id).values(**values, **who))
    ctx.after_commit.append(partial(ctx.runtime.signals.due, WEBHOOKS))
    ctx.audited |= {"changed": sorted(sent)} | ({"url": sent["url"]} if "url" in sent else {})
    return get(ctx, webhook_id)


def rotate(ctx: Context, webhook_id: str) -> WebhookWithSecretOut:
    """A new secret. For a day the old one signs as well, so that no message is refused meanwhile."""
    row, secret = find(ctx, webhook_id, lock=True), _new_secret()
    values = {
        "sealed": ctx.runtime.keyring.encrypt(secret, row.webhook_id), "sealed_before": row.sealed,
        "before_until": ctx.now + GRACE_SECONDS, "updated_at": ctx.now, "updated_by": ctx.principal.principal_id,
    }  # fmt: skip
    ctx.db.execute(update(webhook).where(webhook.c.webhook_id == row.webhook_id).values(values))
    return _with_secret(find(ctx, webhook_id), secret)


def remove(ctx: Context, webhook_id: str) -> WebhookOut:
    """Answers the webhook as it was. Nothing is sent to it any more, and its secrets are forgotten."""
    row = find(ctx, webhook_id, lock=True)
    gone = {"deleted_at": ctx.now, "is_enabled": False, "sealed": None, "sealed_before": None}
    ctx.db.execute(update(webhook).where(webhook.c.webhook_id == row.webhook_id).values(gone))
    ctx.audited |= {"url": row.url}
    return _present(row)


def disable(ctx: Context, webhook_id: str, reason: str) -> None:
    """The server itself switches one off."""
    off = {"is_enabled": False, "disabled_reason": reason, "updated_at": ctx.now}
    ctx.db.execute(update(webhook).where(webhook.c.webhook_id == webhook_id, webhook.c.is_enabled).values(off))


def opened_secrets(ctx: Context, webhook_id: str) -> list[str]:
    """What signs now: the secret, and for a while the one before."""
    columns = (webhook.c.sealed, webhook.c.sealed_before, webhook.c.before_until)
    row = ctx.db.execute(select(*columns).where(webhook.c.webhook_id == webhook_id)).one()
    before = row.sealed_before if row.before_until is not None and row.before_until > ctx.now else None
    return [ctx.runtime.keyring.decrypt(one, webhook_id) for one in (row.sealed, before) if one is not None]


def _check_url(ctx: Context, url: str) -> None:
    try:
        Outbound([str(one) for one in ctx.runtime.settings.webhook_private_addresses]).check(url)
    except NotAllowed as refused:
        raise Invalid.at("body", "url", msg=str(refused)) from None


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _present(row: WebhookRow) -> WebhookOut:
    return WebhookOut(**_shown(row))


def _with_secret(row: WebhookRow, secret: str) -> WebhookWithSecretOut:
    return WebhookWithSecretOut(**_shown(row), secret=secret)


def _shown(row: WebhookRow) -> dict[str, Any]:
    same = ("webhook_id", "org_id", "url", "description", "is_enabled", "disabled_reason", "created_by", "updated_by")
    times = ("failing_since", "created_at", "updated_at")
    shown = {name: getattr(row, name) for name in same}
    shown |= {name: None if (at := getattr(row, name)) is None else int(at) for name in times}
    return shown | {"event_types": row.event_types.split() or None}
