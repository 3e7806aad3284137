"""The tags that sessions of an organization may carry, and the one that untagged sessions get."""

from collections.abc import Iterable

from sqlalchemy import delete, insert, update

from cogmill.access.context import Context
from cogmill.domain.organizations.rules import allowed_tags
from cogmill.domain.organizations.schemas import MOST_TAGS
from cogmill.domain.organizations.service import find
from cogmill.kit.errors import BadRequest, Invalid
from cogmill.models.access import organization, organization_tag


def append(ctx: Context, tags: list[str]) -> list[str]:
    """Allow further tags; those on the list already stay."""
    find(ctx, lock=True)
    return _store(ctx, [*allowed_tags(ctx), *tags])


def replace(ctx: Context, tags: Iterable[str]) -> list[str]:
    """Allow just these tags. A default tag that is not among them is cleared; none at all allows any tag."""
    find(ctx, lock=True)
    return _store(ctx, tags)


def remove(ctx: Context, tag: str) -> list[str]:
    """Take one tag off the list. One that is not on it changes nothing, so that clients may repeat the call."""
    find(ctx, lock=True)
    return _store(ctx, [one for one in allowed_tags(ctx) if one != tag.strip()])


def _store(ctx: Context, tags: Iterable[str]) -> list[str]:
    """Write the difference between the list and `tags`; the default tag must be on the list."""
    org_id, before, after = ctx.scope.one_org, set(allowed_tags(ctx)), set(tags)
    if len(after) > MOST_TAGS:
        raise Invalid.at("body", "tags", msg=f"An organization has at most {MOST_TAGS} tags; these are {len(after)}.")
    added, removed = sorted(after - before), sorted(before - after)
    for tag in removed:
        columns = organization_tag.c
        ctx.db.execute(delete(organization_tag).where(columns.org_id == org_id, columns.tag == tag))
    if added:
        rows = [{"org_id": org_id, "tag": tag, "position": number} for number, tag in enumerate(added)]
        ctx.db.execute(insert(organization_tag), rows)
    ctx.audited |= {"setting": "allowed_tags", "added": added, "removed": removed}
    if default_tag(ctx) in before - after:
        _store_default(ctx, None)
    return sorted(after)


def default_tag(ctx: Context) -> str | None:
    tag: str | None = find(ctx).default_tag
    return tag


def set_default(ctx: Context, tag: str | None) -> str | None:
    """The tag of sessions that are created without one; None: they stay untagged."""
    find(ctx, lock=True)
    if tag is not None and tag not in allowed_tags(ctx):
        raise BadRequest(f"tag: {tag!r} is not among the organization's allowed tags. Allow it first.")
    ctx.audited["setting"] = "default_tag"
    _store_default(ctx, tag)
    return tag


def _store_default(ctx: Context, tag: str | None) -> None:
    ctx.audited["default_tag"] = tag
    ctx.db.execute(update(organization).where(organization.c.org_id == ctx.scope.one_org).values(default_tag=tag))
