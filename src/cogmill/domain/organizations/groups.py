"""Groups of organizations that share one limit for a billing cycle."""

from sqlalchemy import delete, insert, select

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.organizations.schemas import OrgGroupOut, OrgGroupsIn, OrgGroupsOut
from cogmill.domain.sessions.service import suspend_all
from cogmill.domain.sessions.states import Detail
from cogmill.domain.usage import accounts
from cogmill.domain.usage.accounts import Accounts
from cogmill.kit.errors import BadRequest
from cogmill.models.access import enterprise, organization, organization_group, organization_group_member

Limits = dict[str, int | None]
Members = dict[str, str]
"""Group name by org_id."""


def read(ctx: Context) -> OrgGroupsOut:
    """All groups; deleted organizations are not shown."""
    limits, members = _limits(ctx), _members(ctx)
    groups: dict[str, OrgGroupOut] = {}
    for name in sorted(limits):
        org_ids = sorted(org_id for org_id, group in members.items() if group == name)
        groups[name] = OrgGroupOut(org_ids=org_ids, max_cycle_acus=limits[name])
    return OrgGroupsOut(groups=groups)


def replace(ctx: Context, data: OrgGroupsIn) -> OrgGroupsOut:
    """Make the groups just these; a limit that is used up already puts to sleep what runs in the group."""
    one_at_a_time = select(enterprise.c.enterprise_id).where(enterprise.c.enterprise_id == ctx.scope.enterprise_id)
    ctx.db.execute(one_at_a_time.with_for_update(key_share=True))
    limits = {name: group.max_cycle_acus for name, group in data.groups.items()}
    members = _checked_members(ctx, data)
    limits_before, members_before = _limits(ctx), _members(ctx)
    _store(ctx, limits, members)
    ctx.after_commit.append(ctx.runtime.signals.limited)
    ctx.audited |= {
        "limits": {name: limit for name, limit in limits.items() if limits_before.get(name, -1) != limit},
        "removed": sorted(set(limits_before) - set(limits)),
        "moved": {
            org_id: members.get(org_id)
            for org_id in sorted({*members, *members_before})
            if members.get(org_id) != members_before.get(org_id)
        },
    }
    used_up = {name for name, limit in limits.items() if limit is not None and _is_used_up(ctx, name, limit)}
    for org_id, name in sorted(members.items()):
        is_new = (name, limits[name]) != (members_before.get(org_id), limits_before.get(name))
        if is_new and name in used_up:
            suspend_all(ctx, org_id, Detail.ORG_USAGE_LIMIT_EXCEEDED)
    return read(ctx)


def _is_used_up(ctx: Context, name: str, limit: int) -> bool:
    group = accounts.group(ctx.scope.enterprise_id, name, limit)
    return accounts.used_up(ctx, Accounts(ctx.scope.enterprise_id, "", name, None, (group,))) is not None


def _checked_members(ctx: Context, data: OrgGroupsIn) -> Members:
    known = set(ctx.db.execute(owned(organization, ctx.scope, organization.c.org_id)).scalars())
    members: Members = {}
    for name, group in data.groups.items():
        for org_id in group.org_ids:
            if org_id not in known:
                raise BadRequest(f"groups.{name}: there is no organization {org_id!r} in your enterprise.")
            if members.setdefault(org_id, name) != name:
                raise BadRequest(f"{org_id!r} is in groups {members[org_id]!r} and {name!r}; it may be in one only.")
    return members


def _store(ctx: Context, limits: Limits, members: Members) -> None:
    enterprise_id = ctx.scope.enterprise_id
    for table in (organization_group_member, organization_group):
        ctx.db.execute(delete(table).where(table.c.enterprise_id == enterprise_id))
    groups = [{"enterprise_id": enterprise_id, "name": name, "max_cycle_acus": one} for name, one in limits.items()]
    if groups:
        ctx.db.execute(insert(organization_group), groups)
    rows = [{"org_id": one, "enterprise_id": enterprise_id, "group_name": name} for one, name in members.items()]
    if rows:
        ctx.db.execute(insert(organization_group_member), rows)


def _limits(ctx: Context) -> Limits:
    query = select(organization_group.c.name, organization_group.c.max_cycle_acus)
    rows = ctx.db.execute(query.where(organization_group.c.enterprise_id == ctx.scope.enterprise_id))
    return {row.name: row.max_cycle_acus for row in rows}


def _members(ctx: Context) -> Members:
    rows = ctx.db.execute(owned(organization_group_member, ctx.scope))
    return {row.org_id: row.group_name for row in rows}
