"""Days and billing cycles: both begin at 08:00 UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

DAY = 86_400
OFFSET = 8 * 3600


def day_of(at: float) -> int:
    """The beginning of the day that a moment lies in, as unix seconds."""
    return int((at - OFFSET) // DAY) * DAY + OFFSET


def cycle_of(at: float) -> int:
    """The beginning of the calendar month that a moment lies in, months beginning at 08:00 UTC."""
    month = datetime.fromtimestamp(at - OFFSET, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(month.timestamp()) + OFFSET


def next_cycle(cycle: int) -> int:
    """Where the cycle ends that begins there."""
    return cycle_of((datetime.fromtimestamp(cycle, UTC) + timedelta(days=32)).timestamp())


def cycles_back_from(at: float) -> Iterator[tuple[int, int]]:
    """Beginning and end of the cycle of a moment, then of the one before, and so on."""
    begin = cycle_of(at)
    end = next_cycle(begin)
    while True:
        yield begin, end
        begin, end = cycle_of(begin - 1), begin
