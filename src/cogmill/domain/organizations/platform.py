"""Where sessions of an organization run unless they say otherwise."""

from sqlalchemy import update

from cogmill.access.context import Context
from cogmill.domain.organizations.rules import PLATFORMS
from cogmill.domain.organizations.service import find
from cogmill.domain.outposts.queue import is_outpost, name_of, usable
from cogmill.kit.errors import BadRequest
from cogmill.models.access import organization
from cogmill.web.params import Body, Out


class DefaultPlatformIn(Body):
    """At most one of `platform` and `outpost_pool_id`; neither: back to the server's default."""

    platform: str | None = None
    outpost_pool_id: str | None = None
    outpost_pool_name: str | None = None


class DefaultPlatformOut(Out):
    platform: str | None
    outpost_pool_id: str | None
    outpost_pool_name: str | None


def get(ctx: Context) -> DefaultPlatformOut:
    return _present(ctx, find(ctx).default_platform)


def replace(ctx: Context, body: DefaultPlatformIn) -> DefaultPlatformOut:
    """Counts for sessions that are created from now on and name no platform."""
    if body.platform is not None and body.outpost_pool_id is not None:
        raise BadRequest("platform and outpost_pool_id: give one of them, not both.")
    label = None if body.platform is None else body.platform.lower()
    if body.outpost_pool_id is not None:
        label = usable(ctx, body.outpost_pool_id, ctx.scope.one_org, "outpost_pool_id").outpost_id
    elif label is not None and label not in PLATFORMS:
        raise BadRequest(f"platform: unknown label. Known labels: {', '.join(PLATFORMS)}.")
    ctx.audited["default_platform"] = label
    mine = update(organization).where(organization.c.org_id == ctx.scope.one_org)
    ctx.db.execute(mine.values(default_platform=label, updated_at=ctx.now))
    return _present(ctx, label)


def _present(ctx: Context, label: str | None) -> DefaultPlatformOut:
    if label is None or not is_outpost(label):
        return DefaultPlatformOut(platform=label, outpost_pool_id=None, outpost_pool_name=None)
    return DefaultPlatformOut(platform=None, outpost_pool_id=label, outpost_pool_name=name_of(ctx, label))
