"""Outposts themselves: made, shown and deleted by whoever holds ManageOutpostsOrchestrator."""

from typing import Any

from sqlalchemy import and_, case, delete, func, insert, or_, select
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.outposts.queue import PREFIX, begin_feed
from cogmill.domain.outposts.schemas import OutpostIn, OutpostMetadata, OutpostOut, OutpostSpec, OutpostStatus
from cogmill.kit.errors import Conflict, NotFound
from cogmill.kit.ids import new_id
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import enterprise, organization
from cogmill.models.outposts import outpost, outpost_entry
from cogmill.models.sessions import session
from cogmill.web.params import PageQuery

_columns = outpost_entry.c


class OutpostNotFound(NotFound):
    """No such outpost in the caller's enterprise."""


class NameTaken(Conflict):
    detail = "name: another outpost of the enterprise has this name."


def list_page(ctx: Context, query: PageQuery) -> Slice[OutpostOut]:
    """Oldest first."""
    part = fetch_page(ctx.db, of_enterprise(outpost, ctx.scope), outpost.c.id, query.first, query.after)
    counts = _counts(ctx, [row.outpost_id for row in part.items])
    return part.map(lambda row: _present(row, counts))


def create(ctx: Context, body: OutpostIn) -> OutpostOut:
    """A new queue, empty."""
    allowed = None if body.allowed_org_ids is None else list(dict.fromkeys(body.allowed_org_ids))
    _check_organizations(ctx, allowed or [])
    ours = select(enterprise.c.enterprise_id).where(enterprise.c.enterprise_id == ctx.scope.enterprise_id)
    ctx.db.execute(ours.with_for_update())  # of two with the same name at once, one waits and is refused
    taken = of_enterprise(outpost, ctx.scope, outpost.c.id).where(outpost.c.name == body.name)
    if ctx.db.execute(taken).first() is not None:
        raise NameTaken
    values = {
        "outpost_id": new_id(PREFIX), "enterprise_id": ctx.scope.enterprise_id, "name": body.name,
        "platform": body.platform, "description": body.description, "allowed_org_ids": allowed, "created_at": ctx.now,
    }  # fmt: skip
    begin_feed(ctx)
    ctx.db.execute(insert(outpost).values(values))
    ctx.audited |= {"outpost_id": values["outpost_id"], "name": body.name, "allowed_org_ids": allowed}
    return _present(find(ctx, str(values["outpost_id"])), {})


def _check_organizations(ctx: Context, org_ids: list[str]) -> None:
    wide = Scope(ctx.scope.enterprise_id, None)
    known = owned(organization, wide, organization.c.org_id).where(organization.c.org_id.in_(org_ids))
    found = set(ctx.db.execute(known).scalars())
    for org_id in org_ids:
        if org_id not in found:
            raise NotFound(f"allowed_org_ids: there is no organization {org_id[:64]!r}.")


def find(ctx: Context, outpost_id: str, *, lock: bool = False) -> Row[Any]:
    """One of the enterprise's outposts."""
    query = of_enterprise(outpost, ctx.scope).where(outpost.c.outpost_id == outpost_id)
    row = ctx.db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise OutpostNotFound(f"There is no outpost {outpost_id[:64]!r} here. GET /opbeta/outposts lists them.")
    return row


def get(ctx: Context, outpost_id: str) -> OutpostOut:
    row = find(ctx, outpost_id)
    return _present(row, _counts(ctx, [row.outpost_id]))


def remove(ctx: Context, outpost_id: str) -> OutpostOut:
    """Delete an outpost that nothing needs any more: no session that could go on, no organization's default."""
    row = find(ctx, outpost_id, lock=True)
    shown = _present(row, _counts(ctx, [row.outpost_id]))
    of_it = _columns.outpost_id == row.outpost_id
    left = ctx.db.execute(select(func.count()).where(of_it, _columns.gone_at.is_(None))).scalar_one()
    if left:
        raise Conflict(
            f"{left} sessions of this outpost have not ended: they could not go on anywhere else. Terminate or archive "
            "them first; GET /opbeta/outposts/devins?outpost=… lists them."
        )
    chosen = organization.c.default_platform == row.outpost_id
    defaults = owned(organization, ctx.scope, organization.c.org_id, with_deleted=True).where(chosen)
    org_id = ctx.db.execute(defaults.limit(1)).scalar()
    if org_id is not None:
        raise Conflict(
            f"This outpost is the default platform of organization {org_id}: choose another one there first."
        )
    ctx.db.execute(delete(outpost_entry).where(of_it))
    ctx.db.execute(delete(outpost).where(outpost.c.id == row.id))
    ctx.audited["name"] = row.name
    return shown


def _counts(ctx: Context, outpost_ids: list[str]) -> dict[str, tuple[int, int]]:
    """Of each outpost, how many sessions wait and how many are claimed."""
    held = or_(_columns.connection.is_not(None), _columns.claim_deadline > ctx.now)
    waits = and_(_columns.acceptor_id.is_(None), session.c.run_state != "idle")
    columns: Any = (
        _columns.outpost_id, func.sum(case((waits, 1), else_=0)),
        func.sum(case((and_(_columns.acceptor_id.is_not(None), held), 1), else_=0)),
    )  # fmt: skip
    query = owned(outpost_entry, ctx.scope, *columns).join(session, session.c.id == _columns.session)
    query = query.where(_columns.outpost_id.in_(outpost_ids), _columns.gone_at.is_(None)).group_by(_columns.outpost_id)
    return {outpost_id: (int(depth), int(claims)) for outpost_id, depth, claims in ctx.db.execute(query)}


def _present(row: Row[Any], counts: dict[str, tuple[int, int]]) -> OutpostOut:
    depth, claims = counts.get(row.outpost_id, (0, 0))
    return OutpostOut(
        metadata=OutpostMetadata(
            outpost_id=row.outpost_id, account_id=row.enterprise_id, created_at=int(row.created_at)
        ),
        spec=OutpostSpec(
            name=row.name, platform=row.platform, description=row.description, allowed_org_ids=row.allowed_org_ids
        ),
        status=OutpostStatus(queue_depth=depth, active_claims=claims),
    )
