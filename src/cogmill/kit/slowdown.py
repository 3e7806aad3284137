"""Slows down guessing: each source may fail a few times at once, then once in a while. Bounded memory."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Slowdown:
    """One token bucket for each source. An attempt takes a token before it is made; a success gives it back."""

    burst: float
    every: float
    """Seconds in which one more attempt is allowed."""
    most_sources: int = 10_000
    clock: Callable[[], float] = time.monotonic
    _sources: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait(self, source: str) -> int:
        """Take one attempt and answer 0; or the whole seconds after which there is one again."""
        tokens = self._tokens(source)
        if tokens < 1:
            self._keep(source, tokens)
            return max(1, math.ceil((1 - tokens) * self.every))
        self._keep(source, tokens - 1)
        return 0

    def give_back(self, source: str) -> None:
        """The attempt was no failure."""
        self._keep(source, min(self.burst, self._tokens(source) + 1))

    def state(self, source: str) -> tuple[int, int]:
        """Attempts that are left, and the whole seconds after which all are."""
        tokens = self._tokens(source)
        return int(tokens), math.ceil((self.burst - tokens) * self.every)

    def _tokens(self, source: str) -> float:
        tokens, at = self._sources.get(source, (self.burst, 0.0))
        return min(self.burst, tokens + (self.clock() - at) / self.every)

    def _keep(self, source: str, tokens: float) -> None:
        self._sources[source] = (tokens, self.clock())
        self._sources.move_to_end(source)
        if len(self._sources) > self.most_sources:
            self._sources.popitem(last=False)  # the one that has been quiet for longest
