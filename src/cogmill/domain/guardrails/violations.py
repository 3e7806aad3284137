"""What went against guardrails: written down with what was done about it, and read."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.audit_logs.service import check_times
from cogmill.domain.audit_logs.service import record as record_audit
from cogmill.domain.guardrails.rules import Hit, Rules
from cogmill.domain.guardrails.schemas import ViolationOut, ViolationsQuery
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.guardrails import guardrail_violation

TAKEN = {"warn": "warned", "ask": "asked", "block": "blocked"}
SAID = {
    "prompt": "What was asked", "command": "A command", "egress": "A host that a command names",
    "path": "A path", "write": "A place that is written to", "secret": "A text",
}  # fmt: skip
_columns = guardrail_violation.c


@dataclass(frozen=True, slots=True)
class Place:
    """Where something went against a guardrail. Without an event it is found by its audit record."""

    org_id: str
    session_id: str | None
    event_id: str | None


def record(ctx: Context, place: Place, rules: Rules, hit: Hit, message: str) -> None:
    """Write it down with its audit record, in the open transaction. `message`: what the user wrote last."""
    taken = TAKEN[hit.rule.action]
    audit = record_audit(
        ctx, "ai_guardrail_violation",
        {"guardrail_id": hit.rule.guardrail_id, "guardrail_name": hit.rule.name, "action_taken": taken}
        | ({"session_id": place.session_id} if place.session_id else {}),
        org_id=place.org_id,
    )  # fmt: skip
    values = {
        "org_id": place.org_id, "guardrail_id": hit.rule.guardrail_id, "guardrail_name": hit.rule.name,
        "session_id": place.session_id, "event_id": place.event_id or audit,
        "user_message": rules.without_secrets(message), "reasoning": reasoning(rules, hit),
        "confidence_score": hit.confidence, "action_taken": taken, "created_at": ctx.now,
    }  # fmt: skip
    ctx.db.execute(insert(guardrail_violation).values(values))


def reasoning(rules: Rules, hit: Hit) -> str:
    """Why, in words, without secrets."""
    said = f"{SAID[hit.rule.target]} matches the pattern of “{hit.rule.name}”"
    if hit.why is not None:
        said = f"{SAID[hit.rule.target]} goes against “{hit.rule.name}” ({rules.without_secrets(hit.why)})"
    return f"{said}: {rules.without_secrets(hit.text)}" if hit.rule.target != "prompt" else f"{said}."


def answered(ctx: Context, session_id: str, event_id: str, *, is_yes: bool) -> None:
    """The user has answered what was asked."""
    mine = (_columns.session_id == session_id) & (_columns.event_id == event_id) & (_columns.action_taken == "asked")
    taken = "approved" if is_yes else "declined"
    ctx.db.execute(update(guardrail_violation).where(mine).values(action_taken=taken))


def list_page(ctx: Context, query: ViolationsQuery) -> Slice[ViolationOut]:
    """Newest first unless asked otherwise, of the organization or of all."""
    check_times(query.time_after, query.time_before)
    found = owned(guardrail_violation, ctx.scope, along_key=True)
    for column, wanted in ((_columns.session_id, query.session_id), (_columns.guardrail_id, query.guardrail_id)):
        if wanted is not None:
            found = found.where(column == wanted)
    if query.time_after is not None:
        found = found.where(_columns.created_at >= query.time_after)
    if query.time_before is not None:
        found = found.where(_columns.created_at < query.time_before)
    part = fetch_page(ctx.db, found, _columns.id, query.first, query.after, descending=query.order == "desc")
    return part.map(_present)


def _present(row: Row[Any]) -> ViolationOut:
    return ViolationOut.model_construct(
        violation_id=row.id, guardrail_id=row.guardrail_id, guardrail_name=row.guardrail_name,
        session_id=row.session_id, event_id=row.event_id, org_id=row.org_id, user_message=row.user_message,
        reasoning=row.reasoning, confidence_score=row.confidence_score, action_taken=row.action_taken,
        created_at=int(row.created_at),
    )  # fmt: skip
