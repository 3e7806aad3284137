"""Builds that nobody asked for: a blueprint was changed, or the default branch of a repository has moved."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from cogmill.access.context import Context
from cogmill.domain.snapshot_builds.service import OPEN, queue
from cogmill.models.access import organization
from cogmill.models.environments import blueprint, snapshot_build


@dataclass(frozen=True, slots=True)
class Watched:
    """The newest build of an organization, and what it was made of."""

    org_id: str
    build_id: str
    made_of: dict[str, Any]


def next_due(ctx: Context, quiet_seconds: float) -> float | None:
    """When the first change that no build has taken up will have rested; None without one."""
    return min((at + quiet_seconds for at in _changed(ctx).values()), default=None)


def queue_changed(ctx: Context, quiet_seconds: float) -> float | None:
    """Queue a build wherever a blueprint was changed after the newest build began, and not a moment ago.

    Answers when the next one is due, if changes are waiting.
    """
    later: list[float] = []
    for org_id, changed_at in _changed(ctx).items():
        due = changed_at + quiet_seconds
        if due > ctx.now:
            later.append(due)
        else:
            queue(ctx, org_id, "auto", None, partial=True)
    return min(later, default=None)


def _changed(ctx: Context) -> dict[str, float]:
    """Organizations with a blueprint that no build has taken up as it is now, and since when.

    Those are organizations with a blueprint of their own, or with a build.
    """
    columns = blueprint.c
    newest = func.max(columns.updated_at), func.count().filter(columns.deleted_at.is_(None))
    own, shared = dict[str, tuple[float, int]](), dict[str, tuple[float, int]]()
    for row in ctx.db.execute(
        select(columns.org_id, columns.enterprise_id, *newest).group_by(columns.org_id, columns.enterprise_id)
    ):
        (shared if row[0] is None else own)[row[1] if row[0] is None else row[0]] = (row[2], row[3])
    if not own and not shared:
        return {}
    begun = {row.org_id: row for row in ctx.db.execute(_newest_builds())}
    found: dict[str, float] = {}
    there = select(organization.c.org_id, organization.c.enterprise_id).where(organization.c.deleted_at.is_(None))
    for org_id, enterprise_id in ctx.db.execute(there):
        known = [one for one in (own.get(org_id), shared.get(enterprise_id)) if one is not None]
        if not any(count for _, count in known) or (org_id not in own and org_id not in begun):
            continue
        changed_at, build = max(at for at, _ in known), begun.get(org_id)
        if build is None or (build.status != "pending" and (build.started_at or build.created_at) < changed_at):
            found[org_id] = changed_at
    return found


def _newest_builds() -> Any:
    newest = select(func.max(snapshot_build.c.build_id)).group_by(snapshot_build.c.org_id)
    return select(snapshot_build).where(snapshot_build.c.build_id.in_(newest))


def watched(ctx: Context) -> list[Watched]:
    """Newest builds that are over, of organizations that are there, with repositories in them."""
    columns = snapshot_build.c
    query = _newest_builds().where(columns.status.not_in(OPEN), columns.made_of.is_not(None))
    query = query.join(organization, organization.c.org_id == columns.org_id)
    rows = ctx.db.execute(query.where(organization.c.deleted_at.is_(None)))
    return [Watched(row.org_id, row.build_id, row.made_of) for row in rows]


def queue_moved(ctx: Context, one: Watched) -> bool:
    """Queue a build because a repository has moved since this one; False when there is a newer one already."""
    newest = select(func.max(snapshot_build.c.build_id)).where(snapshot_build.c.org_id == one.org_id)
    if ctx.db.execute(newest).scalar() != one.build_id:
        return False
    queue(ctx, one.org_id, "auto", None, partial=True)
    return True
