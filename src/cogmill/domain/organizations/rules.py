"""What an organization lets its sessions do: limits and tags. Asked when a session is made, tagged or run."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam

from cogmill.access.context import Context
from cogmill.access.scope import Scope, owned
from cogmill.kit.errors import BadRequest, Conflict, NotFound
from cogmill.kit.hot_select import HotSelect
from cogmill.models.access import organization, organization_group, organization_group_member, organization_tag

PLATFORMS = ("linux",)
"""What this server has; labels count whatever their case."""
_IN_GROUP = organization.outerjoin(
    organization_group_member, organization_group_member.c.org_id == organization.c.org_id
).outerjoin(
    organization_group,
    (organization_group.c.enterprise_id == organization_group_member.c.enterprise_id)
    & (organization_group.c.name == organization_group_member.c.group_name),
)
_COLUMNS = (
    organization.c.deleted_at, organization.c.max_session_acu_limit, organization.c.max_cycle_acu_limit,
    organization.c.default_tag, organization.c.default_platform, organization_group_member.c.group_name,
    organization_group.c.max_cycle_acus,
)  # fmt: skip
# Compiled once: every creation of a session asks, and making a query takes three times as long as running it.
_ORG = Scope("", bindparam("org_id"))  # type: ignore[arg-type]
_RULES = HotSelect(owned(organization, _ORG, *_COLUMNS).select_from(_IN_GROUP))
_TAGS = owned(organization_tag, _ORG, organization_tag.c.tag)


class UsageStopped(Conflict):
    """The organization may use no ACUs. Clients are told not to try again: an administrator has to act first."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} Ask an administrator to raise it.", headers={"x-should-retry": "false"})


class UnknownPlatform(BadRequest):
    detail = f"Unknown platform. Known labels: {', '.join(PLATFORMS)}, inherit, default."


class TagNotAllowed(BadRequest):
    """The organization has a list of tags, and this one is not on it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits of one organization at this moment."""

    is_deleted: bool
    max_session_acu_limit: int | None
    stopped: str | None
    """Why nothing may run; None when sessions may."""
    default_tag: str | None
    default_platform: str | None

    def session_limit(self, asked: int | None) -> int | None:
        """The ACUs that a session may use: the smaller of its own limit and the organization's."""
        return min((one for one in (asked, self.max_session_acu_limit) if one is not None), default=None)

    def check_running(self) -> None:
        """Refuse when nothing may run, also to a request that was under way while the organization was deleted."""
        if self.is_deleted:
            raise NotFound("The organization was deleted.")
        if self.stopped is not None:
            raise UsageStopped(self.stopped)


def rules_of(ctx: Context, org_id: str) -> Rules:
    """The rules of an organization, deleted or not."""
    [row] = _RULES(ctx.db, {"org_id": org_id})
    stopped = None
    if row.max_cycle_acu_limit == 0:
        stopped = "The organization's max_cycle_acu_limit is 0: its sessions may not run."
    elif row.max_cycle_acus == 0:
        stopped = f"max_cycle_acus of the organization's group {row.group_name!r} is 0: its sessions may not run."
    return Rules(row.deleted_at is not None, row.max_session_acu_limit, stopped, row.default_tag, row.default_platform)


def check_tags(ctx: Context, tags: Iterable[str]) -> None:
    """Refuse tags that the organization's list does not have; an empty list allows any."""
    given = list(tags)
    if not given:
        return
    allowed = allowed_tags(ctx)
    foreign = [tag for tag in given if tag not in allowed]
    if allowed and foreign:
        shown = ", ".join(allowed[:20]) + (", …" if len(allowed) > 20 else "")
        raise TagNotAllowed(f"tags: {foreign[0]!r} is not allowed in this organization. Allowed: {shown}.")


def allowed_tags(ctx: Context) -> list[str]:
    """The tags that sessions of the organization may carry, sorted; none: any."""
    return sorted(ctx.db.execute(_TAGS, {"org_id": ctx.scope.one_org}).scalars())
