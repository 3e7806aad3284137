"""Writing down what was used, with all sums of it, in the transaction of the event that books it."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import bindparam, select

from cogmill.access.context import Context
from cogmill.domain.usage import accounts, warnings
from cogmill.domain.usage.reservations import RUN, keep
from cogmill.domain.usage.times import cycle_of, day_of, next_cycle
from cogmill.kit import metrics
from cogmill.kit.hot_change import HotChange
from cogmill.kit.hot_insert import HotInsert
from cogmill.kit.hot_select import HotSelect
from cogmill.models.access import organization
from cogmill.models.reviews import ORIGIN
from cogmill.models.usage import usage_record, usage_reservation

PRODUCT, REVIEW = "devin", "review"
AMOUNTS = ("acus_micro", "usd_micro", "active_ms", "input_tokens", "output_tokens", "cached_tokens")


@dataclass(frozen=True, slots=True)
class Use:
    """What is known of a use beside its ACUs and its cost."""

    at: float | None = None
    """When it was; None: now."""
    active_ms: int = 0
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    holder: str = RUN
    """Who has set it aside, where a limit holds."""
    keep: int = 0
    """What the holder goes on holding of that, in millionths of an ACU."""


NOTHING = Use()
INSERT = HotInsert(usage_record)
_held = usage_reservation.c
_PLACE = HotSelect(
    select(
        *accounts.COLUMNS, _held.cycle.label("held_cycle"), _held.acus_micro.label("held"),
        _held.group_name.label("held_group"),
    )
    .select_from(
        accounts.JOINED.outerjoin(
            usage_reservation,
            (_held.session == bindparam("session", type_=_held.session.type))
            & (_held.holder == bindparam("holder", type_=_held.holder.type)),
        )
    )
    .where(organization.c.org_id == bindparam("org_id", type_=organization.c.org_id.type))
)  # fmt: skip
"""Where a use belongs, all limits that hold there, and what was set aside for it, in one query."""


def _adding(table: str, keys: tuple[str, ...]) -> HotChange:
    """An insert that adds to the row which is there already."""
    names = (*keys, *AMOUNTS)
    sums = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in AMOUNTS)
    return HotChange(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"  # noqa: S608
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sums} RETURNING day"
    )


_ADD_TO_SESSION = _adding("usage_session_day", ("session", "day", "product"))
_ADD_TO_DAY = _adding("usage_day", ("scope", "scope_id", "day", "org_id", "product"))


def write(ctx: Context, row: Any, acus: int, usd: int, use: Use) -> None:
    """Add a record, and add it to every sum. `row`: the session's, with the sequence number of the event.

    What was set aside for the use ends with it, and it counts to the cycle and the group for which that was done.
    The sums are locked after the session, the enterprise's first: no two writers ever wait for each other.
    """
    amounts = {
        "acus_micro": acus, "usd_micro": usd, "active_ms": use.active_ms, "input_tokens": use.input_tokens,
        "output_tokens": use.output_tokens, "cached_tokens": use.cached_tokens,
    }  # fmt: skip
    if not any(amounts.values()):
        return
    at = ctx.now if use.at is None else use.at
    asked = {"org_id": row.org_id, "user_id": row.user_id, "session": row.id, "holder": use.holder}
    [place] = _PLACE(ctx.db, asked)
    enterprise_id, group = place.enterprise_id, place.group_name
    found = accounts.read(place, row.org_id, row.user_id)
    ctx.is_limited = bool(found.limited)
    if place.held is not None:
        at = min(max(at, place.held_cycle), next_cycle(place.held_cycle) - 1)
        group = place.held_group
        keep(ctx, row.id, use.holder, use.keep)
    same = {"day": day_of(at), "product": REVIEW if row.origin == ORIGIN else PRODUCT, **amounts}
    record = same | {
        "session": row.id, "seq": row.last_seq, "at": at, "cycle": cycle_of(at), "enterprise_id": enterprise_id,
        "org_id": row.org_id, "user_id": row.user_id, "service_user_id": row.service_user_id, "group_name": group,
        "model": use.model,
    }  # fmt: skip
    INSERT(ctx.db, [record])
    _ADD_TO_SESSION(ctx.db, same | {"session": row.id})
    for scope, scope_id, org_id in (
        ("enterprise", enterprise_id, ""),
        ("org_group", group and accounts.group_id(enterprise_id, group), row.org_id),
        ("org", row.org_id, row.org_id),
        ("user", row.user_id, row.org_id),
        ("service_user", row.service_user_id, row.org_id),
    ):
        if scope_id is not None:
            _ADD_TO_DAY(ctx.db, same | {"scope": scope, "scope_id": scope_id, "org_id": org_id})
    if found.limited:
        warnings.tell(ctx, found, cycle_of(at))
    ctx.after_commit.append(partial(_count, row.org_id, use.model, acus, usd))


def _count(org_id: str, model: str | None, acus: int, usd: int) -> None:
    """For whoever watches: what the ledger says, however it came to be booked."""
    metrics.ACUS.labels(metrics.ORGANIZATIONS(org_id)).inc(acus / accounts.MICRO)
    if usd:
        metrics.MODEL_USD.labels(metrics.MODELS(model or "unknown")).inc(usd / accounts.MICRO)
