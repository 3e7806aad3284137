"""Telling administrators, by webhook and by mail, that a limit of a cycle is half, nearly or wholly used; once each."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from cogmill.access.context import Context
from cogmill.access.permissions import Permission
from cogmill.access.principals import permissions_of
from cogmill.access.scope import Scope, of_enterprise
from cogmill.domain.happenings.record import happened, happened_above
from cogmill.domain.happenings.types import LIMIT_WARNING
from cogmill.domain.mails.service import mail_configured, queue_mail
from cogmill.domain.usage.accounts import MICRO, Account, Accounts, Standing, standings
from cogmill.domain.usage.times import next_cycle
from cogmill.kit.hot_change import HotChange
from cogmill.kit.mail import is_address
from cogmill.models.access import idp_group_member, role, role_assignment, user

THRESHOLDS = (50, 80, 100)
"""Hundredths of a limit. The last one is also reached when too little is left for a session's next step."""
MOST_MAILS = 100
_NOTE = HotChange(
    "INSERT INTO limit_notice (scope, scope_id, cycle, threshold, enterprise_id, at)"
    " VALUES (:scope, :scope_id, :cycle, :threshold, :enterprise_id, :at) ON CONFLICT DO NOTHING RETURNING threshold"
)


@dataclass(frozen=True, slots=True)
class Reached:
    """What is told."""

    accounts: Accounts
    standing: Standing
    cycle: int
    threshold: int

    def facts(self) -> dict[str, Any]:
        account = self.standing.account
        return {
            "scope": account.kind, "org_id": self.accounts.org_id if account.kind == "org" else None,
            "group_name": self.accounts.group_name if account.kind == "org_group" else None,
            "user_id": self.accounts.user_id if account.kind == "user" else None, "threshold": self.threshold,
            "cycle_acu_limit": account.limit, "acus_used": self.standing.used / MICRO, "after": self.cycle,
            "before": next_cycle(self.cycle),
        }  # fmt: skip


def tell(ctx: Context, accounts: Accounts, cycle: int) -> None:
    """After a booking, in its transaction: what each of its accounts has reached."""
    for one in standings(ctx, accounts, cycle):
        reached = [share for share in THRESHOLDS if one.used * 100 >= share * one.account.limit * MICRO]
        if reached and one.account.limit:
            _once(ctx, Reached(accounts, one, cycle, reached[-1]))


def tell_used_up(ctx: Context, accounts: Accounts, kind: str, cycle: int) -> None:
    """A session was suspended by this account."""
    for one in standings(ctx, accounts, cycle):
        if one.account.kind == kind:
            _once(ctx, Reached(accounts, one, cycle, THRESHOLDS[-1]))


def _once(ctx: Context, news: Reached) -> None:
    account = news.standing.account
    note = {
        "scope": account.kind, "scope_id": account.id, "cycle": news.cycle, "threshold": news.threshold,
        "enterprise_id": news.accounts.enterprise_id, "at": ctx.now,
    }  # fmt: skip
    if not _NOTE(ctx.db, note):
        return
    if account.kind == "org":
        happened(ctx, account.id, LIMIT_WARNING, news.facts)
    else:  # of no organization's business alone
        happened_above(ctx, news.accounts.enterprise_id, LIMIT_WARNING, news.facts)
    if mail_configured(ctx.runtime.settings):
        for address in _addresses(ctx, news.accounts, account):
            queue_mail(ctx, address, *_mail(news))


def _mail(news: Reached) -> tuple[str, str]:
    """Subject and text."""
    one, account = news.standing, news.standing.account
    whose = account.id if account.kind != "enterprise" else ""
    until = datetime.fromtimestamp(next_cycle(news.cycle), UTC).strftime("%Y-%m-%d %H:%M UTC")
    if news.threshold == THRESHOLDS[-1]:
        subject = f"The cycle limit {account.name} is used up"
        then = "Its sessions are suspended until the limit is raised, or the next cycle begins"
    else:
        subject = f"{news.threshold} % of the cycle limit {account.name} are used"
        then = "At the limit its sessions are suspended; the next cycle begins"
    lines = [f"{one.text(news.cycle)}.", f"{then} ({until})."]
    return subject, "\n".join([*([f"Which: {whose}"] if whose else []), *lines]) + "\n"


def _addresses(ctx: Context, accounts: Accounts, account: Account) -> list[str]:
    """Of those who may change the limit, directly or through a group; a user's limit is told to the user, too."""
    scope = Scope(accounts.enterprise_id, None)
    roles = [
        one.role_id
        for one in ctx.db.execute(of_enterprise(role, scope))
        if Permission.MANAGE_BILLING in permissions_of(one.internal_name, one.permissions)
    ]
    given = role_assignment.c
    where = given.org_id.is_(None) if account.kind != "org" else or_(given.org_id.is_(None), given.org_id == account.id)
    holders = select(given.principal_id).where(given.role_id.in_(roles), where)
    members = select(idp_group_member.c.user_id).where(idp_group_member.c.idp_group_id.in_(holders))
    people: list[ColumnElement[bool]] = [user.c.user_id.in_(holders), user.c.user_id.in_(members)]
    if account.kind == "user":
        people.append(user.c.user_id == account.id)
    wanted = of_enterprise(user, scope, user.c.email).where(
        or_(*people), user.c.deleted_at.is_(None), user.c.disabled_at.is_(None)
    )
    found = ctx.db.execute(wanted.order_by(user.c.user_id).limit(MOST_MAILS)).scalars()
    return [email for email in found if is_address(email)]
