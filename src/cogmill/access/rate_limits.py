"""How many requests a key and an organization may make: token buckets in the memory of this process."""

from dataclasses import dataclass, field

from cogmill.kit.errors import LimitReached
from cogmill.kit.settings import Settings
from cogmill.kit.slowdown import Slowdown

WINDOW = 60
"""Seconds in which an empty bucket is full again."""
MOST_SOURCES = 100_000
Said = list[tuple[str, str]]
"""For the headers of the answer: each limit's policy and state."""


@dataclass(slots=True)
class RateLimit:
    """`quota` requests at once, and as many again in every window; 0: no limit."""

    name: str
    quota: int
    _buckets: Slowdown = field(init=False)

    def __post_init__(self) -> None:
        self._buckets = Slowdown(self.quota, WINDOW / max(self.quota, 1), MOST_SOURCES)

    def take(self, source: str, said: Said) -> None:
        """Count one request, or refuse it; a refused one is not counted."""
        if self.quota == 0:
            return
        wait = self._buckets.wait(source)
        left, full_after = self._buckets.state(source)
        said.append((f'"{self.name}";q={self.quota};w={WINDOW}', f'"{self.name}";r={left};t={full_after}'))
        if wait:
            raise LimitReached(
                f"More than {self.quota} requests in a minute by this {self.name}. Try again in {wait} seconds.",
                headers={"retry-after": str(wait)},
            )


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits of this server. They are off unless it is told otherwise."""

    key: RateLimit = field(default_factory=lambda: RateLimit("key", 0))
    organization: RateLimit = field(default_factory=lambda: RateLimit("organization", 0))

    @classmethod
    def of(cls, settings: Settings) -> "RateLimits":
        return cls(
            RateLimit("key", settings.key_requests_per_minute),
            RateLimit("organization", settings.org_requests_per_minute),
        )
