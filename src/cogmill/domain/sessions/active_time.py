"""ACUs of what a session's run did not book itself, because it was stopped or cut: time, and a model call under way."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from cogmill.access.context import Context
from cogmill.domain.sessions.queries import SessionRow
from cogmill.domain.usage.ledger import NOTHING, Use
from cogmill.domain.usage.reservations import reserved
from cogmill.models.sessions import session_event

MICRO = 1_000_000
AT_MOST = "usd_at_most"
"""What the event that begins a model call says of its price, in US dollars. No text: secrets are cut out of those."""
_CALLS = ("model_call", "guardrail_judgement")
_BOUNDS = (
    *(f"{call}_{what}" for call in _CALLS for what in ("started", "completed", "interrupted")),
    "session_recovered", "status_changed", "worker_left",
)  # fmt: skip
"""Of these events the last one tells whether a model call is under way that nobody has booked."""


def active_acus(seconds: float, acu_seconds: float) -> int:
    """Millionths of an ACU for active seconds."""
    return round(max(0.0, seconds) / acu_seconds * MICRO)


@dataclass(frozen=True, slots=True)
class Unbooked:
    """What nobody has booked yet."""

    acus: int = 0
    usd: int = 0
    """In millionths, as are the ACUs: what the model call under way can have cost at most."""
    use: Use = NOTHING

    def told(self) -> dict[str, Any]:
        """For the event that books it."""
        return {"acus": self.acus / MICRO} | ({"usd": str(Decimal(self.usd) / MICRO)} if self.usd else {})


def of_stopped_run(ctx: Context, row: SessionRow) -> Unbooked:
    """What a run that is stopped now has not booked yet; the row is locked."""
    if row.run_state != "running" or row.active_since is None:
        return Unbooked()
    if not ctx.runtime.signals.runs(row.id):
        return of_cut_run(ctx, row)
    return _until(ctx, row, ctx.now)


def of_cut_run(ctx: Context, row: SessionRow) -> Unbooked:
    """What a run that was cut has not booked: up to the last thing it wrote, for nothing shows that it lived longer."""
    if row.active_since is None:
        return Unbooked()
    columns = session_event.c
    own = select(columns.created_at).where(columns.session == row.id, columns.direction == "outgoing")
    # The last one by its number: a clock that was set back makes earlier ones look later.
    last = ctx.db.execute(own.order_by(columns.seq.desc()).limit(1)).scalar()
    return _until(ctx, row, row.active_since if last is None else max(last, row.active_since))


def _until(ctx: Context, row: SessionRow, end: float) -> Unbooked:
    """Where a limit holds, no more counts than was set aside."""
    settings, usd = ctx.runtime.settings, _call_under_way(ctx, row)
    seconds = max(0.0, end - row.active_since)
    acus = active_acus(seconds, settings.acu_seconds) + round(float(usd) * settings.acu_per_usd * MICRO)
    if (held := reserved(ctx, row.id)) is not None:
        acus = min(acus, held)
    return Unbooked(acus, round(usd * MICRO), Use(at=end, active_ms=round(seconds * 1000)))


def _call_under_way(ctx: Context, row: SessionRow) -> Decimal:
    """US dollars at most. Nobody ever says what a call cost that was cut."""
    columns = session_event.c
    own = select(columns.contents).where(columns.session == row.id, columns.event_type.in_(_BOUNDS))
    last = ctx.db.execute(own.order_by(columns.seq.desc()).limit(1)).scalar()
    return Decimal(str(json.loads(last).get(AT_MOST, 0))) if last is not None else Decimal(0)
