"""Folders of notes: a tree for each organization, and one for what the enterprise shares."""

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise, owned
from cogmill.domain.knowledge.schemas import FolderIn, FolderOut, FolderPatch, FolderTreeOut
from cogmill.kit.errors import BadRequest, Conflict, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.models.access import organization
from cogmill.models.knowledge import knowledge_folder, knowledge_note

FolderRow = Row[Any]
ROOT = "/"
MOST, DEEPEST = 1_000, 10
_C = knowledge_folder.c


def own_place(ctx: Context, table: Any) -> ColumnElement[bool]:
    """What belongs to the scope itself: to the organization, or to the enterprise as a whole."""
    mine: ColumnElement[bool] = table.c.org_id == ctx.scope.org_id if ctx.scope.org_id else table.c.org_id.is_(None)
    return mine


def seen_place(ctx: Context, table: Any) -> ColumnElement[bool]:
    """The same, and for an organization what the enterprise shares."""
    if ctx.scope.org_id is None:
        return own_place(ctx, table)
    return or_(own_place(ctx, table), table.c.org_id.is_(None))


def tree(ctx: Context) -> FolderTreeOut:
    """Every folder that the scope sees, in the order of the paths."""
    counted = of_enterprise(knowledge_note, ctx.scope, knowledge_note.c.folder_id, func.count().label("notes"))
    counted = counted.where(seen_place(ctx, knowledge_note)).group_by(knowledge_note.c.folder_id)
    notes = Counter({row.folder_id: row.notes for row in ctx.db.execute(counted)})
    seen = of_enterprise(knowledge_folder, ctx.scope).where(seen_place(ctx, knowledge_folder))
    rows = ctx.db.execute(seen.order_by(_C.path, _C.folder_id)).all()
    return FolderTreeOut(folders=[_present(row, notes[row.folder_id]) for row in rows], root_note_count=notes[None])


def creation_times(ctx: Context) -> dict[str, float]:
    """When each folder that the scope sees was made."""
    seen = of_enterprise(knowledge_folder, ctx.scope, _C.folder_id, _C.created_at)
    return {row.folder_id: row.created_at for row in ctx.db.execute(seen.where(seen_place(ctx, knowledge_folder)))}


def create(ctx: Context, data: FolderIn) -> FolderOut:
    """A folder of the scope: of its organization, or of the enterprise."""
    lock(ctx)
    known = _own_folders(ctx)
    if len(known) >= MOST:
        raise Conflict(f"There are {MOST} folders already; take away some that are empty.")
    above = _parent(known, data.parent_folder_id)
    path = _path(known, above, data.name, None)
    values = {
        "folder_id": ordered_id("folder"), "enterprise_id": ctx.scope.enterprise_id, "org_id": ctx.scope.org_id,
        "parent_folder_id": above and above.folder_id, "name": data.name, "path": path,
        "is_enabled": data.is_enabled, "is_active": data.is_enabled and (above is None or above.is_active),
        "created_at": ctx.now, "created_by": ctx.principal.principal_id,
    }  # fmt: skip
    ctx.db.execute(insert(knowledge_folder).values(values))
    ctx.audited |= {"folder_id": values["folder_id"], "path": path}
    return _one(ctx, str(values["folder_id"]))


def change(ctx: Context, folder_id: str, data: FolderPatch) -> FolderOut:
    """Rename, move, switch on or off; what lies below follows."""
    lock(ctx)
    known = _own_folders(ctx)
    row = _own(ctx, known, folder_id)
    given = data.model_dump(exclude_unset=True)
    new = {name: given[name] for name in ("name", "is_enabled") if given.get(name) is not None}
    name, is_enabled = new.get("name", row.name), new.get("is_enabled", row.is_enabled)
    above = _parent(known, given.get("parent_folder_id", row.parent_folder_id))
    if above is not None and (above.path + ROOT).startswith(row.path + ROOT):
        raise BadRequest("parent_folder_id: a folder cannot lie in itself or in one below it.")
    path = _path(known, above, name, row)
    values = {"name": name, "parent_folder_id": above and above.folder_id, "is_enabled": is_enabled}
    ctx.db.execute(update(knowledge_folder).where(_C.folder_id == row.folder_id).values(**values, path=path))
    ctx.audited |= {"path": path, "is_enabled": is_enabled}
    _follow(ctx, row.folder_id, path, is_enabled and (above is None or above.is_active))
    return _one(ctx, row.folder_id)


def remove(ctx: Context, folder_id: str) -> FolderOut:
    """Only an empty one: notes and folders in it would get lost."""
    lock(ctx)
    known = _own_folders(ctx)
    row = _own(ctx, known, folder_id)
    gone = _one(ctx, row.folder_id)
    if gone.note_count or any(one.parent_folder_id == row.folder_id for one in known.values()):
        raise Conflict(f"The folder {row.path} is not empty: move or delete its notes and folders first.")
    ctx.db.execute(delete(knowledge_folder).where(_C.folder_id == row.folder_id))
    ctx.audited |= {"path": row.path}
    return gone


def for_note(ctx: Context, folder_id: str, org_id: str | None) -> FolderRow:
    """The folder that a note of the organization, or of the enterprise, is put into."""
    query = of_enterprise(knowledge_folder, ctx.scope).where(_C.folder_id == folder_id)
    row = ctx.db.execute(query.where(_C.org_id == org_id if org_id else _C.org_id.is_(None))).one_or_none()
    if row is None:
        where = "this organization" if org_id else "the folders that the enterprise shares"
        raise BadRequest(f"folder_id: {folder_id[:64]!r} does not exist in {where}.")
    return row


def lock(ctx: Context) -> None:
    """One writer at a time for what must be unique in an organization; without effect on its sessions."""
    rows = owned(organization, ctx.scope, organization.c.org_id).order_by(organization.c.org_id).limit(1)
    ctx.db.execute(rows.with_for_update(key_share=True))


def _follow(ctx: Context, folder_id: str, path: str, is_active: bool) -> None:
    """Path and activity of a folder and of all below it, from the top down."""
    ctx.db.execute(update(knowledge_folder).where(_C.folder_id == folder_id).values(path=path, is_active=is_active))
    below = of_enterprise(knowledge_folder, ctx.scope).where(_C.parent_folder_id == folder_id)
    for row in ctx.db.execute(below).all():
        _follow(ctx, row.folder_id, f"{path}/{row.name}", is_active and row.is_enabled)


def _own_folders(ctx: Context) -> dict[str, FolderRow]:
    query = of_enterprise(knowledge_folder, ctx.scope).where(own_place(ctx, knowledge_folder))
    return {row.folder_id: row for row in ctx.db.execute(query)}


def _own(ctx: Context, known: dict[str, FolderRow], folder_id: str) -> FolderRow:
    """One that the scope may change."""
    if folder_id in known:
        return known[folder_id]
    shared = of_enterprise(knowledge_folder, ctx.scope).where(_C.folder_id == folder_id, _C.org_id.is_(None))
    if ctx.scope.org_id is not None and ctx.db.execute(shared).first() is not None:
        raise Conflict(
            f"The enterprise shares folder {folder_id!r}: change it at /cogmill/v1/enterprise/knowledge/folders, "
            "with ManageAccountKnowledge."
        )
    raise NotFound(f"There is no folder {folder_id[:64]!r} here.")


def _parent(known: dict[str, FolderRow], folder_id: str | None) -> FolderRow | None:
    if folder_id is None:
        return None
    if folder_id not in known:
        raise BadRequest(f"parent_folder_id: {folder_id[:64]!r} does not exist here.")
    return known[folder_id]


def _path(known: dict[str, FolderRow], above: FolderRow | None, name: str, but: FolderRow | None) -> str:
    """The path of a folder of that name, if there is room for it."""
    path = f"{above.path if above else ''}/{name}"
    if any(row.path == path and row is not but for row in known.values()):
        raise Conflict(f"name: there is a folder {path} already.")
    below = [row.path.count("/") - but.path.count("/") for row in known.values() if but and _lies_in(row, but)]
    if path.count("/") + max(below, default=0) > DEEPEST:
        raise BadRequest(f"parent_folder_id: folders lie at most {DEEPEST} deep.")
    return path


def _lies_in(row: FolderRow, folder: FolderRow) -> bool:
    return bool(row.path.startswith(f"{folder.path}/"))


def _one(ctx: Context, folder_id: str) -> FolderOut:
    row = ctx.db.execute(of_enterprise(knowledge_folder, ctx.scope).where(_C.folder_id == folder_id)).one()
    held = of_enterprise(knowledge_note, ctx.scope, func.count())
    return _present(row, ctx.db.execute(held.where(knowledge_note.c.folder_id == folder_id)).scalar_one())


def _present(row: FolderRow, notes: int) -> FolderOut:
    return FolderOut(
        folder_id=row.folder_id, name=row.name, path=row.path, note_count=notes, is_enabled=row.is_enabled,
        parent_folder_id=row.parent_folder_id, access_type="org" if row.org_id else "enterprise",
    )  # fmt: skip
