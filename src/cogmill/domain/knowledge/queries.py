"""Pages of notes, with the filters of the list."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, false

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise, of_place
from cogmill.domain.knowledge import index
from cogmill.domain.knowledge.folders import ROOT, seen_place
from cogmill.domain.knowledge.schemas import EnterpriseNoteListQuery, NoteListQuery, NoteOut
from cogmill.domain.knowledge.service import PATH, NoteRow, joined, pinned_to, present, visible
from cogmill.kit.errors import Refusal
from cogmill.kit.paging import Slice, decode_cursor, encode_cursor
from cogmill.kit.words import words
from cogmill.models.knowledge import knowledge_folder, knowledge_note

_C = knowledge_note.c
NEAR = 400
"""So many notes behind the cursor are searched by reading them: what many notes hold is found there at once, and for
what few hold the index is quick. With the index alone a search gathers all notes that hold a word, to show twenty."""


def list_page(ctx: Context, query: NoteListQuery) -> Slice[NoteOut]:
    """Newest first. An organization's own notes and the shared ones are two short ways through one index each."""
    rows = sorted((row for part in _parts(ctx, query) for row in part), key=lambda row: -int(row.id))
    shown = rows[: query.first]
    end = encode_cursor(int(shown[-1].id)) if len(rows) > query.first else None
    return Slice([present(row) for row in shown], end)


def creators(ctx: Context, note_ids: list[str]) -> dict[str, str]:
    """Who made these notes, which were found within the scope."""
    made = of_enterprise(knowledge_note, ctx.scope, _C.note_id, _C.created_by).where(_C.note_id.in_(note_ids))
    return {row.note_id: row.created_by for row in ctx.db.execute(made)}


def _parts(ctx: Context, query: NoteListQuery) -> list[Sequence[NoteRow]]:
    scope = ctx.scope
    if scope.org_id is not None:
        own = _Part(scope.org_id, joined(of_place(knowledge_note, scope, scope.org_id, *_C, PATH)))
        return [_read(ctx, query, own), *_shared(ctx, query)]
    wanted = query.access_type if isinstance(query, EnterpriseNoteListQuery) else None
    if wanted == "enterprise":
        return _shared(ctx, query)
    everything = visible(ctx)
    return [_read(ctx, query, _Part(None, everything.where(_C.org_id.is_not(None)) if wanted else everything))]


def _shared(ctx: Context, query: NoteListQuery) -> list[Sequence[NoteRow]]:
    """The enterprise's own ones, of which there are few: by their keys, or planners would go through all notes."""
    place = ctx.scope.enterprise_id
    keys = ctx.db.execute(of_place(knowledge_note, ctx.scope, place, _C.id)).scalars().all()
    found = joined(of_place(knowledge_note, ctx.scope, place, *_C, PATH)).where(_C.id.in_(keys))
    return [_read(ctx, query, _Part(place, found))] if keys else []


class _Part(NamedTuple):
    """Notes of one place; None: of several."""

    place: str | None
    notes: Select[Any]


def _read(ctx: Context, query: NoteListQuery, part: _Part) -> Sequence[NoteRow]:
    """The newest notes of a part behind the cursor."""
    found, newest, most = _filtered(ctx, query, part.notes), _C.id.desc(), query.first + 1
    if query.search is None:
        return ctx.db.execute(found.order_by(newest).limit(most)).all()
    searched = words(query.search)
    if not searched:
        return []
    nearest = ctx.db.execute(found.with_only_columns(_C.id).order_by(newest).limit(NEAR)).scalars().all()
    if not nearest:
        return []
    holding = index.holding(ctx, part.place, searched)
    found = found.join(holding.table, holding.note == _C.id)
    if query.after is not None:  # of both tables: planners do not see that it is the same
        found = found.where(holding.note < decode_cursor(query.after))
    within = found.where(holding.says, _C.id >= nearest[-1], holding.note >= nearest[-1])
    rows = ctx.db.execute(within.order_by(newest).limit(most)).all()
    if len(nearest) < NEAR or len(rows) == most:
        return rows
    return ctx.db.execute(found.where(holding.matches).order_by(holding.note.desc()).limit(most)).all()


def _filtered(ctx: Context, query: NoteListQuery, found: Select[Any]) -> Select[Any]:
    """All filters but the search."""
    if query.folder_path is not None:
        found = found.where(_in_folder(ctx, query.folder_path))
    if query.pinned_repo is not None:
        found = found.where(_C.pinned_to == _sought(query.pinned_repo))
    return found if query.after is None else found.where(_C.id < decode_cursor(query.after))


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
