"""Which notes a session is given: those that it names, that its prompt calls, that are pinned, and that fit."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import Scope, of_place, owned
from cogmill.domain.knowledge.fit import LIVE, Candidate, candidates
from cogmill.domain.knowledge.schemas import EVERYWHERE, MACRO
from cogmill.kit.errors import BadRequest
from cogmill.models.access import organization
from cogmill.models.knowledge import knowledge_folder, knowledge_note

_C = knowledge_note.c
_NAMED = re.compile(rf"(?<!\S){MACRO}(?![\w/])")
_ORG = Scope("", bindparam("org_id"))  # type: ignore[arg-type]
_HERE = select(1).where(_C.place.in_([organization.c.org_id, organization.c.enterprise_id]))
_WITH_NOTES = owned(organization, _ORG, organization.c.enterprise_id).where(_HERE.correlate(organization).exists())
"""Built once: most organizations have no notes, and every session asks."""
MOST_PINNED = 200
ROOM = 100_000
"""Letters of all notes of one session together."""


@dataclass(frozen=True, slots=True)
class Note:
    """A note on its way into a session, and why it is given."""

    note_id: str
    name: str
    trigger: str
    body: str
    access_type: str
    why: str
    """knowledge_ids, macro, pinned or trigger"""
    because: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """What there is for a session, before it is decided which of the candidates fit."""

    given: list[Note]
    candidates: list[Candidate]
    missing: list[str]
    """Ids that the session names, whose notes are gone or switched off since."""
    scope: Scope | None = None


def check_named(ctx: Context, note_ids: Sequence[str] | None) -> None:
    """Refuse ids of notes that a session of the organization cannot be given."""
    if not note_ids:
        return
    known = {row.note_id: row for row in ctx.db.execute(_notes(ctx.scope).where(_C.note_id.in_(note_ids)))}
    for one in note_ids:
        if one not in known:
            raise BadRequest(f"knowledge_ids: {one[:64]!r} does not exist in this organization.")
        if not known[one].is_live:
            raise BadRequest(f"knowledge_ids: note {one!r} is switched off, or a folder that it lies in.")


def find(
    ctx: Context, wanted: Sequence[str] | None, prompt: str, repositories: Collection[str], taken: Collection[str]
) -> Found:
    """Notes for a session of the scope's organization. `taken`: macros that mean something else in its prompt."""
    nothing = Found([], [], list(wanted or ()))
    if wanted is not None and not wanted:
        return nothing
    org_id = ctx.scope.one_org
    enterprise_id = ctx.db.execute(_WITH_NOTES, {"org_id": org_id}).scalar()
    if enterprise_id is None:
        return nothing
    scope = Scope(enterprise_id, org_id)
    if wanted is not None:
        rows = {row.note_id: row for row in ctx.db.execute(_notes(scope).where(_C.note_id.in_(wanted))) if row.is_live}
        named = [_note(rows[one], "knowledge_ids") for one in dict.fromkeys(wanted) if one in rows]
        return Found(named, [], [one for one in wanted if one not in rows], scope)
    called = _called(ctx, scope, prompt, taken)
    pinned = [one for one in _pinned(ctx, scope, repositories) if one.note_id not in {c.note_id for c in called}]
    return Found([*called, *pinned], candidates(ctx, scope, [org_id, enterprise_id], prompt), [], scope)


def load(ctx: Context, scope: Scope, chosen: Sequence[Candidate], but: Sequence[Note]) -> list[Note]:
    """The chosen ones with their texts, without those that are given anyway."""
    if not chosen:
        return []
    rows = {row.id: row for row in ctx.db.execute(_notes(scope).where(_C.id.in_([one.id for one in chosen])))}
    known = {one.note_id for one in but}
    wanted = [one for one in chosen if one.id in rows and rows[one.id].note_id not in known]
    return [_note(rows[one.id], "trigger", **_reasons(one)) for one in wanted]


def within_room(notes: Sequence[Note]) -> tuple[list[Note], list[Note]]:
    """Those for which there is room, in their order, and the others."""
    kept: list[Note] = []
    left: list[Note] = []
    room = ROOM
    for one in notes:
        fits = len(one.body) <= room
        (kept if fits else left).append(one)
        room -= len(one.body) if fits else 0
    return kept, left


def _called(ctx: Context, scope: Scope, prompt: str, taken: Collection[str]) -> list[Note]:
    """Notes whose macros stand in the prompt. Of two with the same one the organization's own counts."""
    macros = [one for one in dict.fromkeys(_NAMED.findall(prompt)) if one not in taken][:100] if "!" in prompt else []
    if not macros:
        return []
    rows = ctx.db.execute(_notes(scope).where(LIVE, _C.macro.in_(macros))).all()
    named = {row.macro: row for row in sorted(rows, key=lambda row: row.org_id is not None)}
    return [_note(named[one], "macro", macro=one) for one in macros if one in named]


def _pinned(ctx: Context, scope: Scope, repositories: Collection[str]) -> list[Note]:
    """Notes of its repositories and of all of them, the oldest first."""
    names = {one.lower() for one in repositories}
    query = _notes(scope).where(LIVE, _C.pinned_to.in_([*names, EVERYWHERE]))
    query = query.order_by(_C.id + 0).limit(MOST_PINNED)  # + 0: by the pin, and not through all notes in their order
    rows = ctx.db.execute(query).all()
    return [_note(row, "pinned", pinned_repo=row.pinned_repo) for row in rows]


def _notes(scope: Scope) -> Select[Any]:
    """What sessions of one organization see, with whether it may be used."""
    query = of_place(knowledge_note, scope, None, *_C, LIVE.label("is_live"))
    return query.select_from(knowledge_note.outerjoin(knowledge_folder))


def _note(row: Row[Any], why: str, **because: Any) -> Note:
    access_type = "org" if row.org_id else "enterprise"
    return Note(row.note_id, row.name, row.trigger, row.body, access_type, why, because)


def _reasons(one: Candidate) -> dict[str, Any]:
    said: dict[str, Any] = {"matched": list(one.matched), "score": round(one.score, 3)}
    return said if one.similarity is None else said | {"similarity": round(one.similarity, 3)}
