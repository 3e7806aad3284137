"""Sessions that wait: organizations take turns, each orders its own by priority and age."""

import heapq
from collections import Counter, OrderedDict


class FairQueue:
    """Which session may run next under a global limit and one per organization. Knows no clock and no database."""

    def __init__(self, limit: int, limit_per_org: int) -> None:
        self._limit = limit
        self._limit_per_org = limit_per_org
        self._waiting: OrderedDict[str, list[tuple[int, int, int]]] = OrderedDict()
        self._known: set[int] = set()
        self._running: Counter[str] = Counter()
        self._arrivals = 0
        self.is_held = False
        """Nothing is taken while it is."""

    def add(self, row_id: int, org_id: str, priority: int) -> None:
        """Let a session wait; one that waits already keeps its place."""
        if row_id not in self._known:
            self._known.add(row_id)
            self._arrivals += 1
            heapq.heappush(self._waiting.setdefault(org_id, []), (priority, self._arrivals, row_id))

    def take(self) -> tuple[int, str] | None:
        """The next session that may run now, counted as running until `done`; None when all must wait."""
        if self.is_held or self._running.total() >= self._limit:
            return None
        org_id = next((org for org in self._waiting if self._running[org] < self._limit_per_org), None)
        if org_id is None:
            return None
        waiting = self._waiting[org_id]
        _, _, row_id = heapq.heappop(waiting)
        self._known.discard(row_id)
        self._waiting.move_to_end(org_id)
        if not waiting:
            del self._waiting[org_id]
        self._running[org_id] += 1
        return row_id, org_id

    def done(self, org_id: str) -> None:
        """A session of the organization does not run any more."""
        self._running[org_id] -= 1
        self._running += Counter()

    @property
    def waiting(self) -> int:
        return len(self._known)

    @property
    def running(self) -> int:
        return self._running.total()
