"""What an organization lets its sessions do: limits and tags. Asked when a session is made, tagged or run."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam

from cogmill.access.context import Context
from cogmill.access.scope import Scope, owned
from cogmill.domain.usage import accounts
from cogmill.domain.usage.accounts import Accounts
from cogmill.kit.errors import BadRequest, Conflict, NotFound
from cogmill.kit.hot_select import HotSelect
from cogmill.models.access import organization, organization_tag

PLATFORMS = ("linux",)
"""What this server has; labels count whatever their case."""
_COLUMNS = (
    organization.c.deleted_at, organization.c.max_session_acu_limit, organization.c.default_tag,
    organization.c.default_platform,
)  # fmt: skip
# Compiled once: every creation of a session asks, and making a query takes three times as long as running it.
_ORG = Scope("", bindparam("org_id"))  # type: ignore[arg-type]
_RULES = HotSelect(owned(organization, _ORG, *_COLUMNS).add_columns(*accounts.COLUMNS).select_from(accounts.JOINED))
_TAGS = owned(organization_tag, _ORG, organization_tag.c.tag)


class UsageStopped(Conflict):
    """The organization may use no ACUs. Clients are told not to try again: an administrator has to act first."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} Ask an administrator to raise it.", headers={"x-should-retry": "false"})


class UnknownPlatform(BadRequest):
    detail = f"Unknown platform. Known labels: {', '.join(PLATFORMS)}, inherit, default, and ids of outposts."


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
    accounts: Accounts
    """Whose limits of the cycle hold for its sessions."""

    def session_limit(self, asked: int | None) -> int | None:
        """The ACUs that a session may use: the smaller of its own limit and the organization's."""
        return min((one for one in (asked, self.max_session_acu_limit) if one is not None), default=None)

    def check_running(self, ctx: Context) -> None:
        """Refuse when nothing may run, also to a request that was under way while the organization was deleted."""
        if self.is_deleted:
            raise NotFound("The organization was deleted.")
        if self.stopped is not None:
            raise UsageStopped(self.stopped)
        if (used_up := accounts.used_up(ctx, self.accounts)) is not None:
            raise UsageStopped(f"{used_up}.")


def rules_of(ctx: Context, org_id: str, user_id: str | None = None) -> Rules:
    """The rules of an organization, deleted or not, for sessions in the name of a user."""
    [row] = _RULES(ctx.db, {"org_id": org_id, "user_id": user_id}, ctx.known)
    stopped = None
    if row.org_limit == 0:
        stopped = "The organization's max_cycle_acu_limit is 0: its sessions may not run."
    elif row.org_group_limit == 0:
        stopped = f"max_cycle_acus of the organization's group {row.group_name!r} is 0: its sessions may not run."
    return Rules(
        row.deleted_at is not None, row.max_session_acu_limit, stopped, row.default_tag, row.default_platform,
        accounts.read(row, org_id, user_id),
    )  # fmt: skip


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
