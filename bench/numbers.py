"""One row of the table: a number, its target, what was measured, what the open peer does."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Number:
    """`limit` is met from below unless `at_least`. Without a limit the row only informs."""

    name: str
    unit: str
    limit: float | None = None
    at_least: bool = False
    peer: str = ""
    values: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool | None:
        if self.limit is None or not self.values:
            return None
        return self.median >= self.limit if self.at_least else self.median < self.limit

    @property
    def target(self) -> str:
        if self.limit is None:
            return ""
        return f"{'at least' if self.at_least else 'under'} {self.limit:g} {self.unit}"

    @property
    def measured(self) -> str:
        if not self.values:
            return self.note or "not measured"
        shown = _shown(self.median, self.unit)
        if len(self.values) > 1:
            shown += f"  [{_short(min(self.values))} to {_short(max(self.values))}]"
        return f"{shown}  {self.note}".rstrip()

    @property
    def mark(self) -> str:
        return {True: "ok", False: "MISSED", None: ""}[self.is_met]


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _shown(value: float, unit: str) -> str:
    return f"{_short(value)} {unit}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
