"""Keeping playbooks, those of organizations and those that the enterprise shares with all of them."""

from typing import Any

from sqlalchemy import Select, delete, insert, or_, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise, owned
from cogmill.domain.playbooks.schemas import PlaybookIn, PlaybookOut, PlaybookVersionOut
from cogmill.kit.errors import Conflict, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_merged_page, fetch_page
from cogmill.models.access import organization
from cogmill.models.content import playbook, playbook_version
from cogmill.models.knowledge import knowledge_note
from cogmill.web.params import PageQuery

PlaybookRow = Row[Any]
KEPT_VERSIONS = 100


def visible(ctx: Context) -> Select[Any]:
    """What sessions of the scope may use: the organization's own and the enterprise's."""
    shared = of_enterprise(playbook, ctx.scope)
    if ctx.scope.org_id is None:
        return shared.where(playbook.c.org_id.is_(None))
    return shared.where(or_(playbook.c.org_id == ctx.scope.org_id, playbook.c.org_id.is_(None)))


def get(ctx: Context, playbook_id: str) -> PlaybookOut:
    """One that the scope may use."""
    return _present(_find(ctx, playbook_id))


def list_page(ctx: Context, query: PageQuery) -> Slice[PlaybookOut]:
    """Newest first."""
    shared = of_enterprise(playbook, ctx.scope).where(playbook.c.org_id.is_(None))
    parts = [shared] if ctx.scope.org_id is None else [shared, owned(playbook, ctx.scope)]
    key = playbook.c.playbook_id
    return fetch_merged_page(ctx.db, parts, key, query.first, query.after, descending=True).map(_present)


def create(ctx: Context, data: PlaybookIn) -> PlaybookOut:
    """A playbook of the scope: of its organization, or of the enterprise."""
    _check_macro(ctx, data.macro, None)
    values = {
        **_text(data), "playbook_id": ordered_id("playbook"), "enterprise_id": ctx.scope.enterprise_id,
        "org_id": ctx.scope.org_id, "version": 1, "created_at": ctx.now, "created_by": ctx.principal.principal_id,
        "updated_at": ctx.now, "updated_by": ctx.principal.principal_id,
    }  # fmt: skip
    ctx.db.execute(insert(playbook).values(values))
    _keep_version(ctx, values["playbook_id"], 1, data)
    ctx.audited |= {"playbook_id": values["playbook_id"], "title": data.title}
    return get(ctx, values["playbook_id"])


def replace(ctx: Context, playbook_id: str, data: PlaybookIn) -> PlaybookOut:
    """Save a new version. Sessions that exist keep the text that they began with.

    A macro or schema that is left out stays; null takes it away (semantics.md, null rules).
    """
    row = _own(ctx, playbook_id)
    left_out = {"macro", "structured_output_schema"} - data.model_fields_set
    data = data.model_copy(update={name: getattr(row, name) for name in left_out})
    _check_macro(ctx, data.macro, row.playbook_id)
    ctx.audited |= {"title": data.title}
    if _text(data) == _text(row):
        return _present(row)
    changed = {"version": row.version + 1, "updated_at": ctx.now, "updated_by": ctx.principal.principal_id}
    query = update(playbook).where(playbook.c.playbook_id == row.playbook_id)
    ctx.db.execute(query.values(**_text(data), **changed))
    _keep_version(ctx, row.playbook_id, row.version + 1, data)
    return get(ctx, row.playbook_id)


def remove(ctx: Context, playbook_id: str) -> PlaybookOut:
    """Answers the playbook as it was. Sessions that took its text along keep it."""
    row = _own(ctx, playbook_id)
    ctx.db.execute(delete(playbook_version).where(playbook_version.c.playbook_id == row.playbook_id))
    ctx.db.execute(delete(playbook).where(playbook.c.playbook_id == row.playbook_id))
    ctx.audited |= {"title": row.title}
    return _present(row)


def versions(ctx: Context, playbook_id: str, query: PageQuery) -> Slice[PlaybookVersionOut]:
    """Saved states of one playbook, newest first."""
    row, columns = _find(ctx, playbook_id), playbook_version.c
    kept = select(playbook_version).where(columns.playbook_id == row.playbook_id)
    part = fetch_page(ctx.db, kept, columns.version, query.first, query.after, descending=True)
    return part.map(
        lambda one: PlaybookVersionOut(
            version=one.version, created_at=int(one.created_at), created_by=one.created_by, **_text(one)
        )
    )


def _find(ctx: Context, playbook_id: str) -> PlaybookRow:
    row = ctx.db.execute(visible(ctx).where(playbook.c.playbook_id == playbook_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no playbook {playbook_id[:64]!r} here.")
    return row


def _own(ctx: Context, playbook_id: str) -> PlaybookRow:
    """One that the scope may change; an organization does not change what the enterprise shares."""
    row = ctx.db.execute(visible(ctx).where(playbook.c.playbook_id == playbook_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no playbook {playbook_id[:64]!r} here.")
    if row.org_id != ctx.scope.org_id:
        raise Conflict(
            f"The enterprise shares playbook {playbook_id!r}: change it at /v3/enterprise/playbooks, "
            "with ManageAccountPlaybooks."
        )
    return row


def _check_macro(ctx: Context, macro: str | None, but: str | None) -> None:
    """A macro names one playbook of its organization, or of the enterprise. The organization's own goes first."""
    if macro is None:
        return
    # One writer at a time for what must be unique in an organization; notes with macros wait for the same row.
    first = owned(organization, ctx.scope, organization.c.org_id).order_by(organization.c.org_id).limit(1)
    ctx.db.execute(first.with_for_update(key_share=True))
    columns = playbook.c
    taken = of_enterprise(playbook, ctx.scope, columns.playbook_id).where(columns.macro == macro)
    taken = taken.where(columns.org_id == ctx.scope.org_id if ctx.scope.org_id else columns.org_id.is_(None))
    other = ctx.db.execute(taken.where(columns.playbook_id != (but or ""))).scalars().first()
    if other is not None:
        raise Conflict(f"macro: {macro} belongs to playbook {other} already. Choose another one.")
    notes = of_enterprise(knowledge_note, ctx.scope, knowledge_note.c.note_id).where(knowledge_note.c.macro == macro)
    seen = [place for place in (ctx.scope.org_id, ctx.scope.enterprise_id) if place is not None]
    other = ctx.db.execute(notes.where(knowledge_note.c.place.in_(seen))).scalars().first()
    if other is not None:
        raise Conflict(f"macro: {macro} belongs to note {other} already. Choose another one.")


def _keep_version(ctx: Context, playbook_id: str, version: int, data: PlaybookIn) -> None:
    values = {"playbook_id": playbook_id, "version": version, "created_at": ctx.now}
    values |= {"created_by": ctx.principal.principal_id, **_text(data)}
    ctx.db.execute(insert(playbook_version).values(values))
    columns = playbook_version.c
    old = (columns.playbook_id == playbook_id, columns.version <= version - KEPT_VERSIONS)
    ctx.db.execute(delete(playbook_version).where(*old))


def _text(one: PlaybookIn | PlaybookRow) -> dict[str, Any]:
    """What a version keeps."""
    return {name: getattr(one, name) for name in ("title", "body", "macro", "structured_output_schema")}


def _present(row: PlaybookRow) -> PlaybookOut:
    return PlaybookOut(
        playbook_id=row.playbook_id, access_type="org" if row.org_id else "enterprise", org_id=row.org_id,
        created_at=int(row.created_at), created_by=row.created_by, updated_at=int(row.updated_at),
        updated_by=row.updated_by, **_text(row),
    )  # fmt: skip
