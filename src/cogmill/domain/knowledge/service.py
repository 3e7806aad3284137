"""Keeping notes, those of organizations and those that the enterprise shares with all of them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, delete, func, insert, or_, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.knowledge import index
from cogmill.domain.knowledge.folders import ROOT, for_note, lock
from cogmill.domain.knowledge.schemas import EVERYWHERE, NoteIn, NoteOut
from cogmill.kit.errors import Conflict, Invalid, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.words import stems, words
from cogmill.models.access import organization
from cogmill.models.content import playbook
from cogmill.models.knowledge import knowledge_folder, knowledge_note
from cogmill.scm.errors import RepositoryRefused
from cogmill.scm.repositories import parse_repository

NoteRow = Row[Any]
MOST_SHARED = 300
"""Notes of the enterprise: every session of every organization looks through them."""
_C = knowledge_note.c
PATH = knowledge_folder.c.path.label("folder_path")


def visible(ctx: Context) -> Select[Any]:
    """An organization sees its own notes and the shared ones; the enterprise those of its organizations, too."""
    query = joined(of_enterprise(knowledge_note, ctx.scope, *_C, PATH))
    if ctx.scope.org_id is not None:
        return query.where(_C.place.in_([ctx.scope.org_id, ctx.scope.enterprise_id]))
    live = owned(organization, ctx.scope, organization.c.org_id)
    return query.where(or_(_C.org_id.is_(None), _C.org_id.in_(live)))


def joined(query: Select[Any]) -> Select[Any]:
    """Notes with their folders."""
    return query.select_from(knowledge_note.outerjoin(knowledge_folder))


def get(ctx: Context, note_id: str) -> NoteOut:
    """One that the scope sees."""
    return present(_find(ctx, note_id))


def create(ctx: Context, data: NoteIn) -> NoteOut:
    """A note of the scope: of its organization, or of the enterprise."""
    org_id = ctx.scope.org_id
    _check_room(ctx)
    macro = _checked_macro(ctx, data, org_id, None)
    values = {
        **_written(ctx, data, org_id), "note_id": ordered_id("note"), "enterprise_id": ctx.scope.enterprise_id,
        "org_id": org_id, "place": org_id or ctx.scope.enterprise_id, "macro": macro,
        "is_enabled": data.is_enabled is not False, "created_at": ctx.now, "created_by": ctx.principal.principal_id,
    }  # fmt: skip
    values["fit_words"] = _fit_words(values)
    row_id = ctx.db.execute(insert(knowledge_note).values(values).returning(_C.id)).scalar_one()
    _index(ctx, row_id, values)
    ctx.audited |= {"note_id": values["note_id"], "name": data.name}
    return get(ctx, str(values["note_id"]))


def replace(ctx: Context, note_id: str, data: NoteIn) -> NoteOut:
    """Save a note anew. Pin and folder that are left out are taken away; macro and switch stay."""
    row = _own(ctx, note_id)
    values = _written(ctx, data, row.org_id)
    values["macro"] = _checked_macro(ctx, data, row.org_id, row)
    values["is_enabled"] = row.is_enabled if data.is_enabled is None else data.is_enabled
    values |= {"place": row.place, "fit_words": _fit_words(values)}
    index.take_out(ctx, row.id, row.place, row.fit_words.split())
    ctx.db.execute(update(knowledge_note).where(_C.id == row.id).values(values))
    _index(ctx, row.id, values)
    ctx.audited |= {"name": data.name}
    return get(ctx, row.note_id)


def remove(ctx: Context, note_id: str) -> NoteOut:
    """Answers the note as it was. Sessions that were given it keep it."""
    row = _own(ctx, note_id)
    index.take_out(ctx, row.id, row.place, row.fit_words.split())
    ctx.db.execute(delete(knowledge_note).where(_C.id == row.id))
    ctx.audited |= {"name": row.name}
    return present(row)


def pinned_to(pinned_repo: str | None) -> str | None:
    """A pinned repository as sessions name theirs."""
    if pinned_repo is None or pinned_repo.lower() == EVERYWHERE:
        return pinned_repo and EVERYWHERE
    try:
        if pinned_repo.startswith("/"):
            raise RepositoryRefused("a repository that is a folder is named local/ and the folder's name.")
        return parse_repository(pinned_repo).name.lower()
    except RepositoryRefused as error:
        raise Invalid.at("body", "pinned_repo", msg=f"{error} Or say all.") from None


def _find(ctx: Context, note_id: str) -> NoteRow:
    row = ctx.db.execute(visible(ctx).where(_C.note_id == note_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no note {note_id[:64]!r} here.")
    return row


def _own(ctx: Context, note_id: str) -> NoteRow:
    """One that the scope may change; an organization does not change what the enterprise shares."""
    found = visible(ctx).where(_C.note_id == note_id).with_for_update(of=knowledge_note)
    row = ctx.db.execute(found).one_or_none()
    if row is None:
        raise NotFound(f"There is no note {note_id[:64]!r} here.")
    if ctx.scope.org_id is not None and row.org_id is None:
        raise Conflict(
            f"The enterprise shares note {note_id!r}: change it at /v3/enterprise/knowledge/notes, "
            "with ManageAccountKnowledge."
        )
    return row


def _check_room(ctx: Context) -> None:
    if ctx.scope.org_id is not None:
        return
    shared = of_enterprise(knowledge_note, ctx.scope, func.count()).where(_C.org_id.is_(None))
    if ctx.db.execute(shared).scalar_one() >= MOST_SHARED:
        raise Conflict(
            f"The enterprise shares {MOST_SHARED} notes already, which is the most. Delete one, or make this one "
            "in the organizations that need it."
        )


def _written(ctx: Context, data: NoteIn, org_id: str | None) -> dict[str, Any]:
    """The columns that every save sets."""
    folder = for_note(ctx, data.folder_id, org_id) if data.folder_id is not None else None
    return {
        "name": data.name, "body": data.body, "trigger": data.trigger, "folder_id": folder and folder.folder_id,
        "pinned_repo": data.pinned_repo, "pinned_to": pinned_to(data.pinned_repo), "updated_at": ctx.now,
        "updated_by": ctx.principal.principal_id,
    }  # fmt: skip


def _checked_macro(ctx: Context, data: NoteIn, org_id: str | None, row: NoteRow | None) -> str | None:
    """A macro names one note or one playbook of what its sessions see."""
    if "macro" not in data.model_fields_set and row is not None:
        return str(row.macro) if row.macro is not None else None
    if data.macro is None:
        return None
    within = Scope(ctx.scope.enterprise_id, org_id)
    lock(ctx)
    notes = of_enterprise(knowledge_note, within, _C.note_id).where(_C.macro == data.macro)
    notes = notes.where(_C.org_id == org_id if org_id else _C.org_id.is_(None))
    other = ctx.db.execute(notes.where(_C.note_id != (row.note_id if row else ""))).scalars().first()
    if other is not None:
        raise Conflict(f"macro: {data.macro} belongs to note {other} already. Choose another one.")
    playbooks = of_enterprise(playbook, within, playbook.c.playbook_id).where(playbook.c.macro == data.macro)
    seen = (
        playbook.c.org_id.is_(None) if org_id is None else or_(playbook.c.org_id == org_id, playbook.c.org_id.is_(None))
    )
    other = ctx.db.execute(playbooks.where(seen)).scalars().first()
    if other is not None:
        raise Conflict(f"macro: {data.macro} belongs to playbook {other} already. Choose another one.")
    return data.macro


def _fit_words(note: dict[str, Any]) -> str:
    """By which prompts select it: of its trigger, or of its name if that says nothing. None select a pinned one."""
    if not note["is_enabled"] or note["pinned_repo"] is not None:
        return ""
    return " ".join(stems(note["trigger"]) or stems(note["name"]))


def _index(ctx: Context, row_id: int, note: dict[str, Any]) -> None:
    index.put(ctx, row_id, note["place"], note["fit_words"].split(), words_said(note))


def words_said(note: Mapping[str, Any]) -> list[str]:
    """By which searches find it."""
    return words(" ".join([note["name"], note["trigger"], note["macro"] or "", note["body"]]))


def present(row: NoteRow) -> NoteOut:
    return NoteOut(
        note_id=row.note_id, folder_id=row.folder_id, folder_path=row.folder_path or ROOT, name=row.name,
        body=row.body, trigger=row.trigger, is_enabled=row.is_enabled, created_at=int(row.created_at),
        updated_at=int(row.updated_at), access_type="org" if row.org_id else "enterprise", org_id=row.org_id,
        macro=row.macro, pinned_repo=row.pinned_repo,
    )  # fmt: skip
