"""Keeping profiles: those of organizations, those that the enterprise shares, and those that come with the server."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, delete, insert, update

from cogmill.access.context import Context
from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.code_scans.defaults import BY_ID, DEFAULTS
from cogmill.domain.code_scans.schemas import (
    GUIDANCE,
    EnterpriseProfileListQuery,
    ProfileIn,
    ProfileListQuery,
    ProfileOut,
    ProfilePatch,
    ProfileSummaryOut,
)
from cogmill.kit.errors import Conflict, Invalid, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, decode_text_cursor, encode_cursor
from cogmill.models.code_scans import code_scan, code_scan_profile

MOST = 500
"""Profiles of one organization, and of the enterprise as such."""
_C = code_scan_profile.c
_PLAIN = ("name", "description", "mode", "scan_type", "include_globs", "exclude_globs")


def list_page(ctx: Context, query: ProfileListQuery, org_ids: Sequence[str] | None = None) -> Slice[ProfileSummaryOut]:
    """Newest first; those that come with the server last."""
    before = None if query.after is None else decode_text_cursor(query.after)
    rows: list[Any] = []
    for search in _searches(ctx, org_ids):
        behind = search if before is None else search.where(_C.profile_id < before)
        rows += ctx.db.execute(behind.order_by(_C.profile_id.desc()).limit(query.first + 1))
    if org_ids is None:
        rows += [one for one in DEFAULTS if before is None or one.profile_id < before]
    rows.sort(key=lambda one: one.profile_id, reverse=True)
    shown = rows[: query.first]
    return Slice([_summary(one) for one in shown], encode_cursor(shown[-1].profile_id) if rows[query.first :] else None)


def list_everywhere(ctx: Context, query: EnterpriseProfileListQuery) -> Slice[ProfileSummaryOut]:
    """Those of all organizations, of the enterprise and of the server; with `org_ids` only those of these."""
    return list_page(ctx, query, query.org_ids)


def get(ctx: Context, profile_id: str) -> ProfileOut:
    return _present(find(ctx, profile_id))


def create(ctx: Context, data: ProfileIn) -> ProfileOut:
    """A profile of the scope: of its organization, or for all of them."""
    mine = _own(ctx).with_only_columns(_C.profile_id)
    if len(ctx.db.execute(mine.limit(MOST)).all()) >= MOST:
        raise Conflict(f"There are {MOST} profiles here, and may be no more. Delete one first.")
    who, profile_id = ctx.principal.principal_id, ordered_id("scan-profile")
    values = _columns(data.model_dump()) | {
        "profile_id": profile_id, "enterprise_id": ctx.scope.enterprise_id, "org_id": ctx.scope.org_id,
        "created_at": ctx.now, "created_by": who, "updated_at": ctx.now, "updated_by": who,
    }  # fmt: skip
    ctx.db.execute(insert(code_scan_profile).values(values))
    ctx.audited |= {"profile_id": profile_id, "name": data.name}
    return get(ctx, profile_id)


def change(ctx: Context, profile_id: str, data: ProfilePatch) -> ProfileOut:
    """Change what is sent. Scans that have begun keep what they were told."""
    row = _to_change(ctx, profile_id)
    sent = data.model_dump(include=data.model_fields_set)
    for name in ("name", "mode", "scan_type"):
        if name in sent and sent[name] is None:
            raise Invalid.at("body", name, msg="cannot be null; leave it out to keep what is there")
    before = {name: getattr(row, name) for name in _PLAIN} | row.guidance
    values = _columns(before | sent) | {"updated_at": ctx.now, "updated_by": ctx.principal.principal_id}
    ctx.db.execute(update(code_scan_profile).where(_C.profile_id == row.profile_id).values(values))
    ctx.audited |= {"name": values["name"], "changed": sorted(sent)}
    return get(ctx, profile_id)


def remove(ctx: Context, profile_id: str) -> ProfileOut:
    """Answers it as it was. Scans that followed it keep its name."""
    row = _to_change(ctx, profile_id)
    repeated = owned(code_scan, ctx.scope, code_scan.c.scan_id).where(
        code_scan.c.profile_id == row.profile_id, code_scan.c.frequency.is_not(None)
    )
    scan_id = ctx.db.execute(repeated.limit(1)).scalar()
    if scan_id is not None:
        raise Conflict(f"Scan {scan_id} is repeated with this profile. Give it another one, or end its repetition.")
    ctx.db.execute(delete(code_scan_profile).where(_C.profile_id == row.profile_id))
    ctx.audited |= {"name": row.name}
    return _present(row)


def find(ctx: Context, profile_id: str) -> Any:
    """One that the scope can see: a row, or one that comes with the server."""
    row = if_there(ctx, profile_id)
    if row is None:
        raise _missing(profile_id)
    return row


def if_there(ctx: Context, profile_id: str) -> Any | None:
    """One that was named earlier and may be gone since."""
    return in_scope(ctx, ctx.scope, profile_id)


def in_scope(ctx: Context, scope: Scope, profile_id: str) -> Any | None:
    """The same for work that the server does by itself within an organization."""
    if profile_id in BY_ID:
        return BY_ID[profile_id]
    known = of_enterprise(code_scan_profile, scope).where(_C.profile_id == profile_id)
    if scope.org_id is not None:
        known = known.where((_C.org_id == scope.org_id) | _C.org_id.is_(None))
    return ctx.db.execute(known).one_or_none()


def _searches(ctx: Context, org_ids: Sequence[str] | None) -> list[Select[Any]]:
    """Those of the scope; an organization sees what the enterprise shares as well."""
    everything = of_enterprise(code_scan_profile, ctx.scope)
    if ctx.scope.org_id is not None:
        return [everything.where(_C.org_id.is_(None)), owned(code_scan_profile, ctx.scope)]
    return [everything] if org_ids is None else [everything.where(_C.org_id.in_(org_ids))]


def _own(ctx: Context) -> Select[Any]:
    """Those that the scope may change."""
    if ctx.scope.org_id is not None:
        return owned(code_scan_profile, ctx.scope)
    return of_enterprise(code_scan_profile, ctx.scope).where(_C.org_id.is_(None))


def _to_change(ctx: Context, profile_id: str) -> Any:
    row = ctx.db.execute(_own(ctx).where(_C.profile_id == profile_id).with_for_update()).one_or_none()
    if row is not None:
        return row
    known = if_there(ctx, profile_id)
    if known is None or (known.org_id is not None and known.org_id != ctx.scope.org_id):
        raise _missing(profile_id)
    if profile_id in BY_ID:
        raise Conflict(f"Profile {profile_id} comes with the server and stays as it is. Make one of your own.")
    raise Conflict(f"The enterprise shares profile {profile_id}: change it there, with UseAccountCodeScans.")


def _missing(profile_id: str) -> NotFound:
    return NotFound(f"There is no profile {profile_id[:64]!r} here. The list of profiles has their ids.")


def _columns(fields: dict[str, Any]) -> dict[str, Any]:
    texts = {name: fields[name] for name in GUIDANCE if fields.get(name)}
    return {name: fields[name] for name in _PLAIN} | {"guidance": texts}


def _summary(row: Any) -> ProfileSummaryOut:
    return ProfileSummaryOut.model_construct(**_head(row))


def _present(row: Any) -> ProfileOut:
    texts = {name: row.guidance.get(name) for name in GUIDANCE}
    return ProfileOut.model_construct(
        **_head(row), **texts, include_globs=row.include_globs, exclude_globs=row.exclude_globs
    )


def _head(row: Any) -> dict[str, Any]:
    return {
        "profile_id": row.profile_id, "name": row.name, "description": row.description, "mode": row.mode,
        "scan_type": row.scan_type, "visibility": "org" if row.org_id else "account", "org_id": row.org_id,
        "created_at": int(row.created_at),
    }  # fmt: skip
