"""Consumption by day and the billing cycles, read from the sums that the ledger keeps."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy import func as sql

from cogmill.access.context import Context
from cogmill.access.principals import principal_by_id
from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.usage.schemas import (
    AcusByProduct,
    ConsumptionByDate,
    ConsumptionCycle,
    ConsumptionOut,
    DaysQuery,
)
from cogmill.domain.usage.times import cycles_back_from
from cogmill.kit.errors import Invalid, NotFound
from cogmill.kit.paging import Slice, decode_cursor, encode_cursor
from cogmill.models.access import enterprise, organization, service_user, user
from cogmill.models.sessions import session
from cogmill.models.usage import usage_day, usage_session_day
from cogmill.web.params import PageQuery

MICRO = 1_000_000


def cycles(ctx: Context, page: PageQuery) -> Slice[ConsumptionCycle]:
    """Billing cycles from the current one back to the enterprise's first, newest first."""
    made = ctx.db.execute(of_enterprise(enterprise, ctx.scope, enterprise.c.created_at)).scalar_one()
    first = min(made, _first_use(ctx) or made)
    start = ctx.now if page.after is None else min(ctx.now, decode_cursor(page.after) - 1)
    if start < first:
        return Slice([], None)
    found: list[ConsumptionCycle] = []
    for begin, end in islice(cycles_back_from(start), page.first + 1):
        if end > first:
            found.append(ConsumptionCycle(after=begin, before=end))
    shown = found[: page.first]
    return Slice(shown, encode_cursor(shown[-1].after) if len(found) > page.first else None)


def _first_use(ctx: Context) -> int | None:
    mine = (usage_day.c.scope == "enterprise") & (usage_day.c.scope_id == ctx.scope.enterprise_id)
    return ctx.db.execute(select(sql.min(usage_day.c.day)).where(mine)).scalar()


def of_place(ctx: Context, query: DaysQuery) -> ConsumptionOut:
    """Of the organization in the scope, or of the whole enterprise."""
    if ctx.scope.org_id is None:
        return _daily(ctx, _days("enterprise", ctx.scope.enterprise_id), query)
    return _daily(ctx, _days("org", ctx.scope.org_id), query)


def of_user(ctx: Context, user_id: str, query: DaysQuery) -> ConsumptionOut:
    """Of a user's sessions, whoever made them, in the organization or in all."""
    found = ctx.db.execute(of_enterprise(user, ctx.scope, user.c.user_id).where(user.c.user_id == user_id)).scalar()
    who = principal_by_id(ctx.db, ctx.now, "consumption", user_id=found) if found is not None else None
    org_id = ctx.scope.org_id or ""
    is_member = who is not None and (org_id in who.by_org or bool(who.in_org(org_id)))
    return _of_principal(ctx, "user", found, is_member, query)


def of_service_user(ctx: Context, service_user_id: str, query: DaysQuery) -> ConsumptionOut:
    """Of the sessions that a service user made."""
    columns = service_user.c
    wanted = of_enterprise(service_user, ctx.scope, columns.service_user_id, columns.org_id)
    row = ctx.db.execute(wanted.where(columns.service_user_id == service_user_id)).one_or_none()
    found = None if row is None else row.service_user_id
    is_member = row is not None and row.org_id in {None, ctx.scope.org_id}
    return _of_principal(ctx, "service_user", found, is_member, query)


def _of_principal(ctx: Context, scope: str, found: str | None, is_member: bool, query: DaysQuery) -> ConsumptionOut:
    """Within an organization a principal is known that belongs to it, or that has used anything there."""
    days, org_id = _days(scope, found or ""), ctx.scope.org_id
    if org_id is not None:
        days = days.where(usage_day.c.org_id == org_id)
        if found is not None and not is_member and ctx.db.execute(days.limit(1)).first() is None:
            found = None
    if found is None:
        raise NotFound(f"There is no such {scope.replace('_', ' ')} here.")
    return _daily(ctx, days, query)


def of_session(ctx: Context, session_id: str, query: DaysQuery) -> ConsumptionOut:
    """Of one session, day by day."""
    full = session_id if session_id.startswith("devin-") else f"devin-{session_id}"
    wanted = owned(session, ctx.scope, session.c.id, with_deleted=True).where(session.c.session_id == full)
    row_id = ctx.db.execute(wanted).scalar()
    if row_id is None:
        raise NotFound(f"There is no session {session_id[:64]!r} here. 'session_id' of the session list has the ids.")
    days = select(usage_session_day).where(usage_session_day.c.session == row_id)
    return _daily(ctx, days, query)


class Shares(NamedTuple):
    """ACUs by day, by organization and by user."""

    by_day: dict[int, float]
    by_org: dict[str, float]
    by_user: dict[str, float]


def shares(ctx: Context, query: DaysQuery, org_ids: Sequence[str] | None = None, user_id: str | None = None) -> Shares:
    """What the enterprise used, or one of its users, in all its organizations or in these."""
    inside = owned(organization, Scope(ctx.scope.enterprise_id, None), organization.c.org_id, with_deleted=True)
    if org_ids is not None:
        inside = inside.where(organization.c.org_id.in_(org_ids))
    days = _within(select(usage_day).where(usage_day.c.org_id.in_(inside)), query)
    of_users = days.where(usage_day.c.scope == "user")
    if user_id is not None:
        _check_user(ctx, user_id)
        of_users = of_users.where(usage_day.c.scope_id == user_id)
    of_places = days.where(usage_day.c.scope == "org") if user_id is None else of_users
    return Shares(_summed(ctx, of_places, "day"), _summed(ctx, of_places, "org_id"), _summed(ctx, of_users, "scope_id"))


def _check_user(ctx: Context, user_id: str) -> None:
    known = of_enterprise(user, ctx.scope, user.c.user_id).where(user.c.user_id == user_id)
    if ctx.db.execute(known).scalar() is None:
        raise NotFound(f"There is no user {user_id[:64]!r}.")


def _days(scope: str, scope_id: str) -> Select[Any]:
    return select(usage_day).where(usage_day.c.scope == scope, usage_day.c.scope_id == scope_id)


def _within(days: Select[Any], query: DaysQuery) -> Select[Any]:
    """A day is asked for by its beginning, so that days of neighbouring windows are counted once."""
    after, before = query.time_after, query.time_before
    if after is not None and before is not None and before < after:
        raise Invalid.at("query", "time_before", msg="time_before must not be earlier than time_after.")
    day = days.selected_columns.day
    days = days if after is None else days.where(day >= after)
    return days if before is None else days.where(day < before)


def _summed(ctx: Context, days: Select[Any], by: str) -> dict[Any, float]:
    key, amount = days.selected_columns[by], sql.sum(days.selected_columns.acus_micro)
    rows = ctx.db.execute(days.with_only_columns(key, amount).group_by(key).order_by(key))
    return {row[0]: int(row[1]) / MICRO for row in rows if row[1]}


def _daily(ctx: Context, days: Select[Any], query: DaysQuery) -> ConsumptionOut:
    days = _within(days, query)
    day = days.selected_columns.day
    amounts = days.with_only_columns(day, days.selected_columns.product, days.selected_columns.acus_micro)
    by_day: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in ctx.db.execute(amounts.order_by(day)):
        by_day[row.day][row.product] += row.acus_micro
    total = sum(sum(products.values()) for products in by_day.values())
    return ConsumptionOut.model_construct(
        total_acus=total / MICRO,
        consumption_by_date=[_shown(day, products) for day, products in by_day.items() if any(products.values())],
    )


def _shown(day: int, products: dict[str, int]) -> ConsumptionByDate:
    split = AcusByProduct.model_construct(
        devin=products.get("devin", 0) / MICRO,
        cascade=products.get("cascade", 0) / MICRO,
        terminal=products.get("terminal", 0) / MICRO,
        review=products.get("review", 0) / MICRO,
    )
    return ConsumptionByDate.model_construct(date=day, acus=sum(products.values()) / MICRO, acus_by_product=split)
