"""Keeping automations."""

import secrets
from functools import partial
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.automations.merging import merged
from cogmill.domain.automations.rules import check, first_time, rule_of
from cogmill.domain.automations.schemas import (
    AutomationIn,
    AutomationOut,
    AutomationPatch,
    AutomationRunOut,
    RunFilters,
)
from cogmill.domain.happenings.reactions import AUTOMATIONS
from cogmill.domain.happenings.types import SCHEDULE, WEBHOOK, internal
from cogmill.kit.errors import Conflict, Invalid, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.automations import automation, automation_run, automation_trigger
from cogmill.web.params import PageQuery

AutomationRow = Row[Any]
MOST = 500
"""Automations of an organization: every event asks those that wait for its type."""
LIGHT = frozenset({"enabled", "name", "metadata", "concurrency", "limits"})
"""Changes that say nothing of what it does."""
UNTITLED = "Untitled automation"


def find(ctx: Context, automation_id: str, *, lock: bool = False) -> AutomationRow:
    query = owned(automation, ctx.scope).where(automation.c.automation_id == automation_id)
    row = ctx.db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no automation {automation_id[:64]!r} in this organization.")
    return row


def list_page(ctx: Context, query: PageQuery) -> Slice[AutomationOut]:
    """Newest first."""
    mine = owned(automation, ctx.scope)
    part = fetch_page(ctx.db, mine, automation.c.automation_id, query.first, query.after, descending=True)
    return part.map(partial(_present, ctx))


def get(ctx: Context, automation_id: str) -> AutomationOut:
    return _present(ctx, find(ctx, automation_id))


def create(ctx: Context, data: AutomationIn) -> AutomationOut:
    """The secret of an incoming webhook is told now and never again."""
    check(ctx, data)
    if len(ctx.db.execute(owned(automation, ctx.scope, automation.c.automation_id).limit(MOST)).all()) == MOST:
        raise Conflict(f"The organization has {MOST} automations, and may have no more.")
    values = {
        "automation_id": ordered_id("automation"), "enterprise_id": ctx.scope.enterprise_id,
        "org_id": ctx.scope.one_org, "creator_id": ctx.principal.user_id, "created_at": ctx.now,
        "created_by": ctx.principal.principal_id, "hook_id": None, "hook_secret": None,
    }  # fmt: skip
    hook, secret = _hook(ctx, data, None)
    row = values | _columns(ctx, data, ctx.now, strict=True) | hook
    ctx.db.execute(insert(automation).values(row))
    _wait_for(ctx, row["automation_id"], data)
    ctx.audited |= {"automation_id": row["automation_id"], "name": row["name"]}
    return _present(ctx, find(ctx, row["automation_id"]), secret)


def change(ctx: Context, automation_id: str, patch: AutomationPatch) -> AutomationOut:
    """What says what it does is checked as if it were new, in the name of whoever changes it."""
    row = find(ctx, automation_id, lock=True)
    sent = patch.model_dump(include=patch.model_fields_set)
    for name in ("triggers", "actions", "run_as", "enabled"):
        if name in sent and sent[name] is None:
            raise Invalid.at("body", name, msg="cannot be null; leave it out to keep what is there")
    stored = row.document | {"name": row.name, "enabled": row.enabled, "run_as": row.run_as}
    whole = merged(stored, sent, ctx.runtime.settings.automation_updates)
    try:
        data = AutomationIn.model_validate(whole)
    except ValidationError as error:
        problems = [{"loc": ["body", *one["loc"]], "msg": one["msg"], "type": one["type"]} for one in error.errors()]
        raise Invalid(problems) from None
    directs = bool(set(sent) - LIGHT)
    if directs:
        check(ctx, data)
    hook, secret = _hook(ctx, data, row)
    values = _columns(ctx, data, row.created_at, strict=directs) | hook
    if directs:  # it runs as the one who last said what it does: nobody's rights are used for somebody else's wishes
        values["creator_id"] = ctx.principal.user_id
    ctx.db.execute(update(automation).where(automation.c.automation_id == row.automation_id).values(values))
    _wait_for(ctx, row.automation_id, data)
    ctx.audited |= {"name": values["name"], "changed": sorted(sent)}
    return _present(ctx, find(ctx, automation_id), secret)


def remove(ctx: Context, automation_id: str) -> AutomationOut:
    """Answers it as it was. Its sessions stay."""
    row = find(ctx, automation_id, lock=True)
    for table in (automation_trigger, automation_run, automation):
        ctx.db.execute(delete(table).where(table.c.automation_id == row.automation_id))
    ctx.audited |= {"name": row.name}
    return _present(ctx, row)


def runs(ctx: Context, automation_id: str, query: RunFilters) -> Slice[AutomationRunOut]:
    """What it did and why, newest first."""
    row, columns = find(ctx, automation_id), automation_run.c
    made = select(automation_run).where(columns.automation_id == row.automation_id)
    if query.state is not None:
        made = made.where(columns.state == query.state)
    return fetch_page(ctx.db, made, columns.run_id, query.first, query.after, descending=True).map(_run)


def _columns(ctx: Context, data: AutomationIn, began: float, *, strict: bool) -> dict[str, Any]:
    """What follows from an automation's text. `strict`: a schedule that is over is refused."""
    document = data.model_dump(mode="json", exclude={"name", "enabled", "run_as"})
    schedule = next((one for one in data.triggers if one.event_type == SCHEDULE), None)
    due = first_time(rule_of(schedule), began, ctx.now, strict=strict) if schedule is not None else None
    return {
        "name": data.name or UNTITLED, "enabled": data.enabled, "run_as": data.run_as, "document": document,
        "next_at": due if data.enabled else None, "updated_at": ctx.now, "updated_by": ctx.principal.principal_id,
    }  # fmt: skip


def _hook(ctx: Context, data: AutomationIn, row: AutomationRow | None) -> tuple[dict[str, Any], str | None]:
    """Address and secret of the incoming webhook: made when the trigger is added, forgotten when it is taken away."""
    if all(one.event_type != WEBHOOK for one in data.triggers):
        return {"hook_id": None, "hook_secret": None}, None
    if row is not None and row.hook_id is not None:
        return {}, None
    secret = secrets.token_urlsafe(32)
    return {"hook_id": secrets.token_hex(16), "hook_secret": ctx.runtime.keyring.token_hash(secret)}, secret


def _wait_for(ctx: Context, automation_id: str, data: AutomationIn) -> None:
    """The rows by which events find the automation."""
    ctx.db.execute(delete(automation_trigger).where(automation_trigger.c.automation_id == automation_id))
    types = {name for one in data.triggers for name in internal(one.event_type)} if data.enabled else set()
    for name in sorted(types):
        values = {"org_id": ctx.scope.one_org, "event_type": name, "automation_id": automation_id}
        ctx.db.execute(insert(automation_trigger).values(values))
    ctx.after_commit.append(partial(ctx.runtime.signals.due, AUTOMATIONS))


def hook_url(ctx: Context, hook_id: str) -> str:
    return f"{ctx.runtime.settings.base_url}/cogmill/v1/hooks/{hook_id}"


def _present(ctx: Context, row: AutomationRow, secret: str | None = None) -> AutomationOut:
    same = ("automation_id", "org_id", "name", "enabled", "run_as", "created_by", "updated_by")
    times = {name: int(getattr(row, name)) for name in ("created_at", "updated_at")}
    return AutomationOut(
        **{name: getattr(row, name) for name in same}, **times, **row.document,
        webhook_url=None if row.hook_id is None else hook_url(ctx, row.hook_id), webhook_secret=secret,
        next_run_at=None if row.next_at is None else int(row.next_at),
    )  # fmt: skip


def _run(row: Row[Any]) -> AutomationRunOut:
    same = ("run_id", "automation_id", "event_type", "event", "state", "session_id", "error")
    finished = None if row.finished_at is None else int(row.finished_at)
    shown = {name: getattr(row, name) for name in same}
    return AutomationRunOut(**shown, created_at=int(row.created_at), finished_at=finished)
