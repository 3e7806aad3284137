"""Setting ACUs aside before they are used, so that all sessions together never use more than a limit."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, select, text

from cogmill.access.context import Context
from cogmill.domain.usage import accounts
from cogmill.domain.usage.accounts import Accounts, Standing
from cogmill.domain.usage.times import cycle_of
from cogmill.kit.hot_change import HotChange
from cogmill.kit.hot_select import HotSelect
from cogmill.models.usage import usage_reservation

RUN, INSIGHTS = "run", "insights"
SHARE = 4
"""No session sets aside more than one of so many parts of what is free beyond its need."""
_NAMES = ("session", "holder", "cycle", "acus_micro", "enterprise_id", "org_id", "group_name", "user_id")
_CHANGED = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[2:])
_STORE = HotChange(
    f"INSERT INTO usage_reservation ({', '.join(_NAMES)}) VALUES ({', '.join(f':{name}' for name in _NAMES)})"  # noqa: S608
    f" ON CONFLICT (session, holder) DO UPDATE SET {_CHANGED} RETURNING session"
)
_KEEP = HotChange(
    "UPDATE usage_reservation SET acus_micro = :acus_micro WHERE session = :session AND holder = :holder"
    " RETURNING session"
)
_HELD = HotSelect(
    select(usage_reservation.c.acus_micro).where(
        usage_reservation.c.session == bindparam("session", type_=usage_reservation.c.session.type),
        usage_reservation.c.holder == bindparam("holder", type_=usage_reservation.c.holder.type),
    )
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:enterprise_id, 9))")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a wish to set something aside. All amounts are millionths of an ACU."""

    granted: int | None
    """What the session holds now; None: no limit holds for it."""
    refused: Standing | None = None
    """The account in which too little was free; the session holds no more than before."""
    cycle: int = 0
    waits: bool = False
    """It would fit if others used nothing of what they have set aside."""


def lock(ctx: Context, enterprise_id: str) -> None:
    """Let one writer after the other look at the enterprise's accounts; to be called before anything else is locked."""
    if ctx.db.dialect.name == "postgresql":  # the other database has one writer anyway
        ctx.db.execute(_LOCK, {"enterprise_id": enterprise_id})


def reserve(ctx: Context, row: Any, holder: str, need: int, extra: int, used: int) -> Answer:
    """Set `need` aside for a session, and up to `extra` beyond it, in every limited account or in none.

    `row`: the session's, locked, after `lock`. `used`: what of an earlier reservation is used already, though not
    booked; a refused session that may wait keeps that and gives the rest back.
    """
    cycle, found = cycle_of(ctx.now), accounts.of(ctx, row.org_id, row.user_id)
    if not found.limited:
        release(ctx, row.id, holder)
        return Answer(None)
    standings = accounts.standings(ctx, found, cycle, session=row.id, holder=holder)
    least = min(standings, key=lambda one: one.free)
    if least.free < need:
        waits = all(one.unused >= need for one in standings)
        held = reserved(ctx, row.id, holder) or 0
        if waits and used < held:
            held = used
            keep(ctx, row.id, holder, held)
        return Answer(held, least, cycle, waits)
    granted = need + min(extra, (least.free - need) // SHARE)
    _store(ctx, row, holder, cycle, found, granted)
    return Answer(granted, None, cycle)


def _store(ctx: Context, row: Any, holder: str, cycle: int, found: Accounts, acus: int) -> None:
    values = {
        "session": row.id, "holder": holder, "cycle": cycle, "acus_micro": acus, "enterprise_id": found.enterprise_id,
        "org_id": row.org_id, "group_name": found.group_name, "user_id": row.user_id,
    }  # fmt: skip
    _STORE(ctx.db, values)


def keep(ctx: Context, session: int, holder: str, acus: int) -> None:
    """Hold no more than this of what was set aside; it goes on counting against the same cycle."""
    _KEEP(ctx.db, {"session": session, "holder": holder, "acus_micro": max(acus, 0)})


def begin(ctx: Context, row: Any, found: Accounts) -> None:
    """A run knows of limits from its beginning: before it sets anything aside, it may use nothing."""
    if found.limited:
        _store(ctx, row, RUN, cycle_of(ctx.now), found, 0)


def hold(ctx: Context, row: Any, holder: str, found: Accounts, acus: int) -> None:
    """Set aside of the session's own limit, where no limit of the cycle holds: a run heeds it."""
    _store(ctx, row, holder, cycle_of(ctx.now), found, acus)


def reserved(ctx: Context, session: int, holder: str = RUN) -> int | None:
    """What the session has set aside; None: its run knows of no limit."""
    found = _HELD(ctx.db, {"session": session, "holder": holder})
    return int(found[0].acus_micro) if found else None


def release(ctx: Context, session: int, holder: str = RUN) -> None:
    """Give back what is left: the run is over, or the limit gone. The session's row is locked."""
    mine = (usage_reservation.c.session == session) & (usage_reservation.c.holder == holder)
    ctx.db.execute(delete(usage_reservation).where(mine))
