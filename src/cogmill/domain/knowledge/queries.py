"""Pages of notes, with the filters of the list."""

from typing import Any

from sqlalchemy import ColumnElement, Select, false

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise, of_place
from cogmill.domain.knowledge import index
from cogmill.domain.knowledge.folders import ROOT, seen_place
from cogmill.domain.knowledge.schemas import EnterpriseNoteListQuery, NoteListQuery, NoteOut
from cogmill.domain.knowledge.service import PATH, joined, pinned_to, present, visible
from cogmill.kit.errors import Refusal
from cogmill.kit.paging import Slice, decode_cursor, encode_cursor
from cogmill.kit.words import words
from cogmill.models.knowledge import knowledge_folder, knowledge_note

_C = knowledge_note.c


def list_page(ctx: Context, query: NoteListQuery) -> Slice[NoteOut]:
    """Newest first. An organization's own notes and the shared ones are two short ways through one index each."""
    found = [row for part in _parts(ctx, query) for row in ctx.db.execute(part)]
    rows = sorted(found, key=lambda row: -int(row.id))
    shown = rows[: query.first]
    end = encode_cursor(int(shown[-1].id)) if len(rows) > query.first else None
    return Slice([present(row) for row in shown], end)


def creators(ctx: Context, note_ids: list[str]) -> dict[str, str]:
    """Who made these notes, which were found within the scope."""
    made = of_enterprise(knowledge_note, ctx.scope, _C.note_id, _C.created_by).where(_C.note_id.in_(note_ids))
    return {row.note_id: row.created_by for row in ctx.db.execute(made)}


def _parts(ctx: Context, query: NoteListQuery) -> list[Select[Any]]:
    scope = ctx.scope
    if scope.org_id is not None:
        return [_part(ctx, query, scope.org_id), _part(ctx, query, scope.enterprise_id)]
    wanted = query.access_type if isinstance(query, EnterpriseNoteListQuery) else None
    if wanted == "enterprise":
        return [_part(ctx, query, scope.enterprise_id)]
    everything = _part(ctx, query, None)
    return [everything.where(_C.org_id.is_not(None)) if wanted == "org" else everything]


def _part(ctx: Context, query: NoteListQuery, place: str | None) -> Select[Any]:
    """The newest notes of one place behind the cursor; None: of all that the scope sees."""
    part = visible(ctx) if place is None else joined(of_place(knowledge_note, ctx.scope, place, *_C, PATH))
    key: ColumnElement[int] = _C.id
    if query.search is not None:
        searched = words(query.search)
        if not searched:
            return part.where(false())
        holding = index.holding(ctx, place, searched)
        part, key = part.join(holding.table, holding.note == _C.id).where(holding.matches), holding.note
    if query.folder_path is not None:
        part = part.where(_in_folder(ctx, query.folder_path))
    if query.pinned_repo is not None:
        part = part.where(_C.pinned_to == _sought(query.pinned_repo))
    if query.after is not None:
        part = part.where(key < decode_cursor(query.after))
    # There are few shared notes: planners that look for the newest of all notes instead would go through every one.
    order = key + 0 if place == ctx.scope.enterprise_id else key
    return part.order_by(order.desc()).limit(query.first + 1)


def _in_folder(ctx: Context, path: str) -> Any:
    path = ROOT + path.strip(ROOT)
    if path == ROOT:
        return _C.folder_id.is_(None)
    found = of_enterprise(knowledge_folder, ctx.scope, knowledge_folder.c.folder_id)
    found = found.where(knowledge_folder.c.path == path)
    if ctx.scope.org_id is not None:
        found = found.where(seen_place(ctx, knowledge_folder))
    folders = ctx.db.execute(found).scalars().all()
    return _C.folder_id.in_(folders) if folders else false()


def _sought(pinned_repo: str) -> str | None:
    try:
        return pinned_to(pinned_repo)
    except Refusal:
        return pinned_repo.lower()  # no note is pinned to such a thing
