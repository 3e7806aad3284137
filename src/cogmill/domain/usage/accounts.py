"""Whose limits of a cycle a session's use counts against, and what of each is used and set aside.

What is used is the sum of the ledger's days, what is set aside the sum of the reservations: nothing is counted twice
over that could get out of step.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import and_, bindparam, literal_column, select
from sqlalchemy import func as sql

from cogmill.access.context import Context
from cogmill.domain.usage.times import cycle_of, next_cycle
from cogmill.kit.hot_select import HotSelect
from cogmill.models.access import organization, organization_group, organization_group_member
from cogmill.models.usage import cycle_limit, usage_day, usage_reservation

MICRO = 1_000_000
LEAST_SECONDS = 0.1
Kind = Literal["user", "org", "org_group", "enterprise"]
KINDS: tuple[Kind, ...] = ("user", "org", "org_group", "enterprise")
_NAMES = {"user": "of the user", "org": "of the organization", "enterprise": "of the enterprise"}

_of_user, _of_enterprise = cycle_limit.alias("user_limit"), cycle_limit.alias("enterprise_limit")
JOINED = (
    organization.outerjoin(organization_group_member, organization_group_member.c.org_id == organization.c.org_id)
    .outerjoin(
        organization_group,
        (organization_group.c.enterprise_id == organization_group_member.c.enterprise_id)
        & (organization_group.c.name == organization_group_member.c.group_name),
    )
    .outerjoin(
        _of_user,
        (_of_user.c.scope == literal_column("'user'"))
        & (_of_user.c.scope_id == bindparam("user_id", type_=cycle_limit.c.scope_id.type))
        & (_of_user.c.enterprise_id == organization.c.enterprise_id),
    )
    .outerjoin(
        _of_enterprise,
        (_of_enterprise.c.scope == literal_column("'enterprise'"))
        & (_of_enterprise.c.scope_id == organization.c.enterprise_id),
    )
)
"""From an organization (`:org_id`) and a user (`:user_id`) to all limits that hold for their sessions."""
COLUMNS = (
    organization.c.enterprise_id, organization.c.max_cycle_acu_limit.label("org_limit"),
    organization_group_member.c.group_name, organization_group.c.max_cycle_acus.label("org_group_limit"),
    _of_user.c.max_cycle_acus.label("user_limit"), _of_enterprise.c.max_cycle_acus.label("enterprise_limit"),
)  # fmt: skip
_ORG = bindparam("org_id", type_=organization.c.org_id.type)
_READ = HotSelect(select(*COLUMNS).select_from(JOINED).where(organization.c.org_id == _ORG))


@dataclass(frozen=True, slots=True)
class Account:
    """Something whose use in a cycle has a limit."""

    kind: Kind
    id: str
    """As the sums of the ledger name it."""
    limit: int
    """In ACUs."""
    name: str
    """Completes "the cycle limit …"."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Where the use of a session belongs, and which of these have a limit, the smallest first."""

    enterprise_id: str
    org_id: str
    group_name: str | None
    user_id: str | None
    limited: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of an account's limit is gone, in millionths of an ACU."""

    account: Account
    used: int
    reserved: int

    @property
    def unused(self) -> int:
        """What is not used, though it may be set aside."""
        return self.account.limit * MICRO - self.used

    @property
    def free(self) -> int:
        return self.unused - self.reserved

    def text(self, cycle: int) -> str:
        """Which limit it is, how much of it is used, and since when."""
        since = datetime.fromtimestamp(cycle, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return (
            f"The cycle limit {self.account.name} is {self.account.limit} ACUs, of which {self.used / MICRO:.4f} "
            f"are used since {since}"
        )


def of(ctx: Context, org_id: str, user_id: str | None) -> Accounts:
    """The accounts of sessions of an organization in the name of a user."""
    [row] = _READ(ctx.db, {"org_id": org_id, "user_id": user_id})
    return read(row, org_id, user_id)


def read(row: Any, org_id: str, user_id: str | None) -> Accounts:
    """From a row that has COLUMNS."""
    ids = {"user": user_id, "org": org_id, "enterprise": row.enterprise_id}
    limited = [
        Account(kind, str(ids[kind]), int(limit), _NAMES[kind])
        for kind in KINDS
        if kind != "org_group" and (limit := getattr(row, f"{kind}_limit")) is not None
    ]
    if row.org_group_limit is not None:
        limited.append(group(row.enterprise_id, row.group_name, int(row.org_group_limit)))
        limited.sort(key=lambda one: KINDS.index(one.kind))
    return Accounts(row.enterprise_id, org_id, row.group_name, user_id, tuple(limited))


def group(enterprise_id: str, name: str, limit: int) -> Account:
    """The account of a group of organizations."""
    return Account("org_group", group_id(enterprise_id, name), limit, f"of the organization's group {name!r}")


def group_id(enterprise_id: str, name: str) -> str:
    """What the sums of the ledger call a group of organizations."""
    return f"{enterprise_id}/{name}"


def standings(ctx: Context, accounts: Accounts, cycle: int, *, session: int = 0, holder: str = "") -> list[Standing]:
    """How each limited account stands, seen at one moment, without what this holder of the session has set aside."""
    if not accounts.limited:
        return []
    values = {
        "cycle": cycle, "end": next_cycle(cycle), "session": session, "holder": holder,
        "enterprise_id": accounts.enterprise_id, "group_name": accounts.group_name, "org_id": accounts.org_id,
        "user_id": accounts.user_id,
    }  # fmt: skip
    values |= {f"{one.kind}_key": one.id for one in accounts.limited}
    [row] = _sums(tuple(one.kind for one in accounts.limited))(ctx.db, values)
    return [
        Standing(one, int(getattr(row, f"{one.kind}_used")), int(getattr(row, f"{one.kind}_reserved")))
        for one in accounts.limited
    ]


def used_up(ctx: Context, accounts: Accounts) -> str | None:
    """Which account has nothing left that a step could use, in words; None when all have."""
    if not accounts.limited:
        return None
    cycle, least = cycle_of(ctx.now), least_use(ctx)
    gone = (one for one in standings(ctx, accounts, cycle) if one.unused < least)
    return next((one.text(cycle) for one in gone), None)


def least_use(ctx: Context) -> int:
    """Millionths of an ACU without which no step begins: those of a tenth of a second."""
    return max(1, round(LEAST_SECONDS / ctx.runtime.settings.acu_seconds * MICRO))


@cache
def _sums(kinds: tuple[Kind, ...]) -> HotSelect:
    """One query for all, so that a booking is seen with the reservation that it ends or not at all."""
    columns = []
    for kind in kinds:
        columns += [_used(kind).label(f"{kind}_used"), _reserved(kind).label(f"{kind}_reserved")]
    return HotSelect(select(*columns))


def _used(kind: Kind) -> Any:
    day = usage_day.c
    mine = and_(
        day.scope == literal_column(f"'{kind}'"), day.scope_id == _bound(f"{kind}_key", day.scope_id),
        day.day >= _bound("cycle", day.day), day.day < _bound("end", day.day),
    )  # fmt: skip
    return select(sql.coalesce(sql.sum(day.acus_micro), literal_column("0"))).where(mine).scalar_subquery()


def _reserved(kind: Kind) -> Any:
    held = usage_reservation.c
    columns = {
        "user": (held.user_id,), "org": (held.org_id,), "org_group": (held.enterprise_id, held.group_name),
        "enterprise": (held.enterprise_id,),
    }  # fmt: skip
    mine = [column == _bound(column.name, column) for column in columns[kind]]
    others = (held.session != _bound("session", held.session)) | (held.holder != _bound("holder", held.holder))
    total = sql.coalesce(sql.sum(held.acus_micro), literal_column("0"))
    return select(total).where(held.cycle == _bound("cycle", held.cycle), others, *mine).scalar_subquery()


def _bound(name: str, column: Any) -> Any:
    return bindparam(name, type_=column.type)
