"""Showing, setting and clearing the limits of a cycle. An organization's limit is its max_cycle_acu_limit."""

from typing import Any

from sqlalchemy import CompoundSelect, delete, literal, select, union_all
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise, owned
from cogmill.domain.acu_limits.schemas import AcuLimitOut, StandingOut
from cogmill.domain.organizations import service as organizations
from cogmill.domain.organizations.schemas import OrganizationPatch
from cogmill.domain.sessions.service import suspend_all
from cogmill.domain.sessions.states import Detail
from cogmill.domain.usage import accounts
from cogmill.domain.usage.accounts import MICRO, Account, Accounts
from cogmill.domain.usage.times import cycle_of, next_cycle
from cogmill.kit.errors import NotFound
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import organization, organization_group, user
from cogmill.models.usage import cycle_limit
from cogmill.web.params import PageQuery

_INSERTS: dict[str, Any] = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}


def list_page(ctx: Context, page: PageQuery) -> Slice[AcuLimitOut]:
    """The enterprise's limit, then those of organizations, then those of users."""
    found = union_all(_of_enterprise(ctx), _of_organizations(ctx), _of_users(ctx))
    return _page(ctx, found, page).map(_present)


def standings(ctx: Context, page: PageQuery) -> Slice[StandingOut]:
    """The same and the limits of groups, with what of each is gone."""
    found = union_all(_of_enterprise(ctx), _of_organizations(ctx), _of_groups(ctx), _of_users(ctx))
    return _page(ctx, found, page).map(lambda row: _standing(ctx, row))


def _page(ctx: Context, found: CompoundSelect[Any], page: PageQuery) -> Slice[Row[Any]]:
    every = found.subquery()
    return fetch_page(ctx.db, select(every), every.c.position, page.first, page.after)


def _of_enterprise(ctx: Context) -> Any:
    mine = of_enterprise(cycle_limit, ctx.scope).where(cycle_limit.c.scope == "enterprise")
    return mine.with_only_columns(
        literal("1").label("position"), cycle_limit.c.scope, cycle_limit.c.scope_id, cycle_limit.c.max_cycle_acus
    )


def _of_organizations(ctx: Context) -> Any:
    columns = organization.c
    position, scope = literal("2").concat(columns.org_id), literal("org")
    mine = owned(organization, ctx.scope).where(columns.max_cycle_acu_limit.is_not(None))
    return mine.with_only_columns(position, scope, columns.org_id, columns.max_cycle_acu_limit)


def _of_groups(ctx: Context) -> Any:
    columns = organization_group.c
    position, scope = literal("3").concat(columns.name), literal("org_group")
    mine = of_enterprise(organization_group, ctx.scope).where(columns.max_cycle_acus.is_not(None))
    return mine.with_only_columns(position, scope, columns.name, columns.max_cycle_acus)


def _of_users(ctx: Context) -> Any:
    columns = cycle_limit.c
    mine = of_enterprise(cycle_limit, ctx.scope).join(user, user.c.user_id == columns.scope_id)
    mine = mine.where(columns.scope == "user", user.c.deleted_at.is_(None))
    position = literal("4").concat(columns.scope_id)
    return mine.with_only_columns(position, columns.scope, columns.scope_id, columns.max_cycle_acus)


def _present(row: Row[Any]) -> AcuLimitOut:
    return AcuLimitOut.model_construct(
        cycle_acu_limit=row.max_cycle_acus,
        scope=row.scope,
        org_id=row.scope_id if row.scope == "org" else None,
        user_id=row.scope_id if row.scope == "user" else None,
    )


def _standing(ctx: Context, row: Row[Any]) -> StandingOut:
    cycle = cycle_of(ctx.now)
    if row.scope == "org_group":
        account = accounts.group(ctx.scope.enterprise_id, row.scope_id, row.max_cycle_acus)
    else:
        account = Account(row.scope, row.scope_id, row.max_cycle_acus, "")
    [one] = accounts.standings(ctx, _only(ctx, account, row.scope_id), cycle)
    return StandingOut.model_construct(
        scope=row.scope,
        org_id=row.scope_id if row.scope == "org" else None,
        group_name=row.scope_id if row.scope == "org_group" else None,
        user_id=row.scope_id if row.scope == "user" else None,
        cycle_acu_limit=row.max_cycle_acus,
        acus_used=one.used / MICRO,
        acus_reserved=one.reserved / MICRO,
        after=cycle,
        before=next_cycle(cycle),
    )


def _only(ctx: Context, account: Account, name: str) -> Accounts:
    """This account alone; all fields that do not name it are not asked for."""
    return Accounts(ctx.scope.enterprise_id, name, name, name, (account,))


def change_organization(ctx: Context, limit: int | None) -> None:
    """What PATCH of the organization does, too."""
    organizations.change(ctx, OrganizationPatch(max_cycle_acu_limit=limit))


def change_user(ctx: Context, user_id: str, limit: int | None) -> None:
    """Limit what all sessions in the user's name use together. One that is used up already puts to sleep what runs."""
    known = of_enterprise(user, ctx.scope, user.c.user_id).where(user.c.user_id == user_id, user.c.deleted_at.is_(None))
    if ctx.db.execute(known).scalar() is None:
        raise NotFound(f"There is no user {user_id[:64]!r}. GET /v3/enterprise/members/users lists them.")
    account = Account("user", user_id, limit or 0, "")
    _change(ctx, account, limit, Detail.USAGE_LIMIT_EXCEEDED, user_id)


def change_enterprise(ctx: Context, limit: int | None) -> None:
    """Limit what all sessions of the enterprise use together; the same."""
    account = Account("enterprise", ctx.scope.enterprise_id, limit or 0, "")
    _change(ctx, account, limit, Detail.OUT_OF_QUOTA, None)


def _change(ctx: Context, account: Account, limit: int | None, detail: Detail, user_id: str | None) -> None:
    ctx.audited |= {"scope": account.kind, "cycle_acu_limit": limit}
    _store(ctx, account, limit)
    ctx.after_commit.append(ctx.runtime.signals.limited)
    if limit is None or accounts.used_up(ctx, _only(ctx, account, account.id)) is None:
        return
    ctx.audited["suspended_sessions"] = suspend_all(ctx, None, detail, user_id=user_id)


def _store(ctx: Context, account: Account, limit: int | None) -> None:
    columns = cycle_limit.c
    if limit is None:
        ctx.db.execute(delete(cycle_limit).where(columns.scope == account.kind, columns.scope_id == account.id))
        return
    values = {
        "scope": account.kind, "scope_id": account.id, "enterprise_id": ctx.scope.enterprise_id,
        "max_cycle_acus": limit, "updated_at": ctx.now,
    }  # fmt: skip
    changed = {"max_cycle_acus": limit, "updated_at": ctx.now}
    insert = _INSERTS[ctx.db.dialect.name](cycle_limit).values(values)
    ctx.db.execute(insert.on_conflict_do_update(index_elements=[columns.scope, columns.scope_id], set_=changed))
