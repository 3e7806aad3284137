"""Keeps what anybody can cause from filling the disk: a burst passes, then one now and then; the rest is counted."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

_MOST_SOURCES = 10_000


@dataclass(slots=True)
class _Source:
    tokens: float
    at: float
    held: int = 0


@dataclass(slots=True)
class Flood:
    """One token bucket for each source."""

    burst: float = 30.0
    every: float = 10.0
    """Seconds in which one more may pass."""
    clock: Callable[[], float] = time.monotonic
    _sources: dict[str, _Source] = field(default_factory=dict)

    def holds(self, source: str) -> int:
        """0 when this one may pass; otherwise how many were held back since `left_out` was asked."""
        now = self.clock()
        if len(self._sources) > _MOST_SOURCES:
            self._sources = {name: one for name, one in self._sources.items() if one.held}
        one = self._sources.setdefault(source, _Source(self.burst, now))
        one.tokens = min(self.burst, one.tokens + (now - one.at) / self.every)
        one.at = now
        if one.tokens >= 1:
            one.tokens -= 1
            return 0
        one.held += 1
        return one.held

    def left_out(self, source: str) -> int:
        """How many of a source were held back; counting begins anew."""
        one = self._sources.get(source)
        held = one.held if one is not None else 0
        if one is not None:
            one.held = 0
        return held
