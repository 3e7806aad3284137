"""What was read from the database and is asked for all the time: remembered for a moment."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Remembered(Generic[T]):
    """Values by key. A change in this process is to be told by `forget`; another one's is seen after `lifetime`."""

    lifetime: float = 1.0
    _known: dict[str, tuple[float, T]] = field(default_factory=dict)
    _changes: int = 0

    def peek(self, key: str) -> T | None:
        """The value where it is known and not too old."""
        known = self._known.get(key)
        return known[1] if known is not None and time.monotonic() - known[0] < self.lifetime else None

    def get(self, key: str, read: Callable[[], T]) -> T:
        """The value, read when it is not known or too old."""
        changes, at, known = self._changes, time.monotonic(), self.peek(key)
        if known is not None:
            return known
        value = read()
        if changes == self._changes:  # else it may have been read before the change
            self._known[key] = (at, value)
        return value

    def forget(self) -> None:
        """Called after any change."""
        self._changes += 1
        self._known.clear()
