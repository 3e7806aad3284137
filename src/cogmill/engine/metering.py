"""ACUs while a session runs: active seconds and model cost, booked with every step; waiting costs nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cogmill.domain.usage.ledger import Use

MICRO = 1_000_000
OWN_LIMIT = "max_acu_limit of the session"
ORG_LIMIT = "max_session_acu_limit of the organization"


@dataclass(frozen=True, slots=True)
class Booked:
    """What one step, or the rest of a turn, consumed."""

    acus: int
    """In millionths, as is `usd`."""
    usd: int
    active_ms: int
    keep: int = 0
    """Millionths of an ACU that stay set aside for the run."""

    def use(self, contents: Mapping[str, Any] | None = None) -> Use:
        """For the ledger; of a model call with what its event says of model and tokens."""
        usage = (contents or {}).get("usage")
        counts = usage if isinstance(usage, Mapping) else {}
        names = ("input_tokens", "output_tokens", "cache_read_tokens")
        read, written, cached = (int(counts.get(name) or 0) for name in names)
        model = (contents or {}).get("model")
        return Use(None, self.active_ms, model, read, written, cached, keep=self.keep)


@dataclass(slots=True)
class Meter:
    """Counts one run of a session. ACUs are whole millionths, so that sums are exact."""

    acu_seconds: float
    acu_per_usd: float
    consumed: int
    """Millionths of an ACU that earlier runs booked."""
    limit: int | None
    """In ACUs. No more is ever booked: the moment that it takes to stop a step there is not charged."""
    limit_name: str = OWN_LIMIT
    held: int | None = None
    """Millionths of an ACU that are set aside of the cycle's limits; None while none holds. No more is ever booked."""
    owed: Decimal = Decimal(0)
    """US dollars of calls that were made, and could not be written down."""
    _booked_until: float = field(default_factory=time.monotonic)

    def cost(self, seconds: float, usd: Decimal = Decimal(0)) -> int:
        """Millionths of an ACU for active seconds and US dollars of model cost."""
        return round(seconds / self.acu_seconds * MICRO + float(usd) * self.acu_per_usd * MICRO)

    def unbooked(self) -> int:
        """Millionths of an ACU for the time since the last booking."""
        return self.cost(time.monotonic() - self._booked_until)

    def skip(self, seconds: float) -> None:
        """Time in which the session only waited for others costs nothing."""
        self._booked_until = min(time.monotonic(), self._booked_until + seconds)

    def book(self, usd: Decimal = Decimal(0), *, keep: float = 0.0) -> Booked:
        """Book the time since the last booking, and a cost; answers what to write down.

        `keep`: the seconds that stay set aside, if so many were; the rest is given back.
        """
        now, usd, self.owed = time.monotonic(), usd + self.owed, Decimal(0)
        seconds = now - self._booked_until
        micro, kept = self.cost(seconds, usd), 0
        if self.limit is not None:
            micro = min(micro, max(self.limit * MICRO - self.consumed, 0))
        if self.held is not None:
            micro = min(micro, self.held)
            self.held = kept = min(self.held - micro, self.cost(keep))
        self._booked_until = now
        self.consumed += micro
        return Booked(micro, round(usd * MICRO), round(seconds * 1000), kept)

    def undo(self, before: "Meter", usd: Decimal) -> None:
        """What was booked could not be written down: it is booked again with what comes next."""
        self.consumed, self.held, self._booked_until = before.consumed, before.held, before._booked_until
        self.owed = before.owed + usd

    def remaining(self) -> int | None:
        """Millionths left below the limit, unbooked time taken off; None without a limit."""
        if self.limit is None:
            return None
        return self.limit * MICRO - self.consumed - self.unbooked()

    def affordable_seconds(self, usd: Decimal = Decimal(0)) -> float | None:
        """Active seconds that the rest pays for once the worst-case cost is set aside; None without a limit."""
        remaining = self.remaining()
        if remaining is None:
            return None
        return (remaining - self.cost(0, usd)) / MICRO * self.acu_seconds
