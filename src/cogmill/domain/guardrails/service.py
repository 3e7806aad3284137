"""Keeping guardrails."""

from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise, owned
from cogmill.domain.guardrails.schemas import GuardrailIn, GuardrailOut, GuardrailPatch, GuardrailsQuery
from cogmill.kit.errors import Conflict, Invalid, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import organization
from cogmill.models.guardrails import guardrail

MOST = 200
"""Guardrails of an enterprise: each is looked at before every step."""
MOST_JUDGED = 20
"""Those among them that ask a model before every step that they speak of."""
_EITHER = ("pattern", "judgement")
_columns = guardrail.c


def list_page(ctx: Context, query: GuardrailsQuery) -> Slice[GuardrailOut]:
    """Oldest first."""
    found = of_enterprise(guardrail, ctx.scope)
    if query.org_id is not None:
        _check_organization(ctx, query.org_id, "query")
        found = found.where(_columns.org_id.is_(None) | (_columns.org_id == query.org_id))
    return fetch_page(ctx.db, found, _columns.guardrail_id, query.first, query.after).map(_present)


def get(ctx: Context, guardrail_id: str) -> GuardrailOut:
    return _present(_find(ctx, guardrail_id))


def create(ctx: Context, data: GuardrailIn) -> GuardrailOut:
    """It holds from the next step on."""
    _check(ctx, data.target, data.action, data.pattern, data.judgement)
    if data.org_id is not None:
        _check_organization(ctx, data.org_id, "body")
    _check_judgements(ctx, data.judgement)
    if len(ctx.db.execute(of_enterprise(guardrail, ctx.scope, _columns.guardrail_id).limit(MOST)).all()) == MOST:
        raise Conflict(f"There are {MOST} guardrails, and may be no more. Put patterns of one kind into one of them.")
    who, guardrail_id = ctx.principal.principal_id, ordered_id("guardrail")
    values = data.model_dump() | {
        "pattern": data.pattern or "",
        "guardrail_id": guardrail_id, "enterprise_id": ctx.scope.enterprise_id,
        "created_at": ctx.now, "created_by": who, "updated_at": ctx.now, "updated_by": who,
    }  # fmt: skip
    ctx.db.execute(insert(guardrail).values(values))
    return _told(ctx, _find(ctx, guardrail_id), "created")


def change(ctx: Context, guardrail_id: str, data: GuardrailPatch) -> GuardrailOut:
    """Where it holds stays."""
    row = _find(ctx, guardrail_id, lock=True)
    sent = data.model_dump(include=data.model_fields_set)
    for name, value in sent.items():
        if value is None and name not in _EITHER:
            raise Invalid.at("body", name, msg="cannot be null; leave it out to keep what is there")
    now = row._asdict() | sent
    # A judgement that is there already may outlive the model.
    is_new = sent.get("judgement") is not None
    _check(ctx, now["target"], now["action"], now["pattern"], now["judgement"], is_new=is_new)
    if is_new and row.judgement is None:
        _check_judgements(ctx, now["judgement"])
    sent |= {"pattern": sent["pattern"] or ""} if "pattern" in sent else {}
    values = sent | {"updated_at": ctx.now, "updated_by": ctx.principal.principal_id}
    ctx.db.execute(update(guardrail).where(_columns.guardrail_id == row.guardrail_id).values(values))
    return _told(ctx, _find(ctx, guardrail_id), "changed")


def remove(ctx: Context, guardrail_id: str) -> GuardrailOut:
    """Answers it as it was. Its violations stay."""
    row = _find(ctx, guardrail_id, lock=True)
    ctx.db.execute(delete(guardrail).where(_columns.guardrail_id == row.guardrail_id))
    return _told(ctx, row, "deleted")


def _check_judgements(ctx: Context, judgement: str | None) -> None:
    known = of_enterprise(guardrail, ctx.scope, _columns.guardrail_id).where(_columns.judgement.is_not(None))
    if judgement is not None and len(ctx.db.execute(known.limit(MOST_JUDGED)).all()) == MOST_JUDGED:
        raise Conflict(f"There are {MOST_JUDGED} guardrails with a judgement, and may be no more: each asks the model.")


def _find(ctx: Context, guardrail_id: str, *, lock: bool = False) -> Row[Any]:
    query = of_enterprise(guardrail, ctx.scope).where(_columns.guardrail_id == guardrail_id)
    row = ctx.db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no guardrail {guardrail_id[:64]!r}. 'cogmill guardrails list' shows them.")
    return row


def _check(
    ctx: Context, target: str, action: str, pattern: str | None, judgement: str | None, *, is_new: bool = True
) -> None:
    if not pattern and not judgement:
        raise Invalid.at("body", "pattern", msg="a guardrail needs a pattern, a judgement, or both")
    if judgement and target == "secret":
        raise Invalid.at(
            "body", "judgement", msg="secrets are found by patterns: a text that may hold one is shown to no model"
        )
    if judgement and is_new and not ctx.runtime.settings.model:
        said = "no model is configured on this server: set COGMILL_MODEL and its key and restart it, or give a pattern"
        raise Invalid.at("body", "judgement", msg=said)
    if target == "prompt" and action == "ask":
        raise Invalid.at(
            "body", "action",
            msg="a prompt is warned of or blocked: the one to be asked would be the one who has just written it",
        )  # fmt: skip


def _check_organization(ctx: Context, org_id: str, where: str) -> None:
    known = owned(organization, ctx.scope, organization.c.org_id).where(organization.c.org_id == org_id)
    if ctx.db.execute(known).first() is None:
        raise Invalid.at(where, "org_id", msg=f"there is no organization {org_id[:64]!r} in this enterprise")


def _told(ctx: Context, row: Row[Any], change: str) -> GuardrailOut:
    """For the record, and for whoever remembers the rules."""
    shown = ("guardrail_id", "name", "target", "action", "is_enabled")
    ctx.audited |= {"change": change} | {name: getattr(row, name) for name in shown}
    ctx.audited |= {"is_judged": True} if row.judgement is not None else {}
    ctx.audited |= {"of_org_id": row.org_id} if row.org_id is not None else {}
    ctx.after_commit.append(ctx.runtime.guardrails.forget)
    return _present(row)


def _present(row: Row[Any]) -> GuardrailOut:
    return GuardrailOut.model_construct(
        guardrail_id=row.guardrail_id, org_id=row.org_id, name=row.name, target=row.target,
        pattern=row.pattern or None, judgement=row.judgement, when_unanswered=row.when_unanswered,
        action=row.action, is_enabled=row.is_enabled, created_at=int(row.created_at), created_by=row.created_by,
        updated_at=int(row.updated_at), updated_by=row.updated_by,
    )  # fmt: skip
