"""ACUs while a session runs: active seconds and model cost, booked with every step; waiting costs nothing."""

import time
from dataclasses import dataclass, field
from decimal import Decimal

MICRO = 1_000_000
OWN_LIMIT = "max_acu_limit of the session"
ORG_LIMIT = "max_session_acu_limit of the organization"


@dataclass(slots=True)
class Meter:
    """Counts one run of a session. ACUs are whole millionths, so that sums are exact."""

    acu_seconds: float
    acu_per_usd: float
    consumed: int
    """Millionths of an ACU that earlier runs booked."""
    limit: int | None
    """In ACUs."""
    limit_name: str = OWN_LIMIT
    _booked_until: float = field(default_factory=time.monotonic)

    def cost(self, seconds: float, usd: Decimal = Decimal(0)) -> int:
        """Millionths of an ACU for active seconds and US dollars of model cost."""
        return round(seconds / self.acu_seconds * MICRO + float(usd) * self.acu_per_usd * MICRO)

    def book(self, usd: Decimal = Decimal(0)) -> int:
        """Book the time since the last booking, and a cost; answers the millionths to write down."""
        now = time.monotonic()
        micro = self.cost(now - self._booked_until, usd)
        self._booked_until = now
        self.consumed += micro
        return micro

    def remaining(self) -> int | None:
        """Millionths left below the limit, unbooked time taken off; None without a limit."""
        if self.limit is None:
            return None
        return self.limit * MICRO - self.consumed - self.cost(time.monotonic() - self._booked_until)

    def affordable_seconds(self, usd: Decimal = Decimal(0)) -> float | None:
        """Active seconds that the rest pays for once the worst-case cost is set aside; None without a limit."""
        remaining = self.remaining()
        if remaining is None:
            return None
        return (remaining - self.cost(0, usd)) / MICRO * self.acu_seconds
