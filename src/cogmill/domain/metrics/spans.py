"""Days, weeks and months, all in UTC, and how a range of time is put together from them. Knows no database."""

from calendar import monthrange
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Literal

Span = Literal["d", "w", "m"]
Range = tuple[int, int]
"""From the first second to the one behind the last."""
DAY = 86_400
_MONDAY = 4 * DAY  # the first one of unix time


def day_of(at: float) -> int:
    """The beginning of the day that a moment lies in."""
    return int(at // DAY) * DAY


def start_of(span: Span, at: float) -> int:
    """The beginning of the day, the week or the month that a moment lies in."""
    if span == "d":
        return day_of(at)
    if span == "w":
        return int((at - _MONDAY) // (7 * DAY)) * 7 * DAY + _MONDAY
    moment = datetime.fromtimestamp(day_of(at), UTC)
    return int(moment.replace(day=1).timestamp())


def end_of(span: Span, start: int) -> int:
    """Where the span ends that begins there."""
    if span == "m":
        first = datetime.fromtimestamp(start, UTC)
        return start + monthrange(first.year, first.month)[1] * DAY
    return start + (DAY if span == "d" else 7 * DAY)


def spans_of(span: Span, begin: int, end: int) -> Iterator[Range]:
    """All spans that a range touches, oldest first."""
    start = start_of(span, begin)
    while start < end:
        yield start, (start := end_of(span, start))


@dataclass(slots=True)
class Pieces:
    """What adds up to a range: sums of days, weeks and months to add and to take off, and times to count one by one."""

    plus: list[tuple[Span, Range]] = field(default_factory=list)
    minus: list[tuple[Span, Range]] = field(default_factory=list)
    counted: list[Range] = field(default_factory=list)

    def go(self, span: Span, begin: int, end: int) -> None:
        """Add the sums from there to here; going back takes them off."""
        if begin < end:
            self.plus.append((span, (begin, end)))
        elif end < begin:
            self.minus.append((span, (end, begin)))


def days_inside(begin: int, end: int, today: int) -> Range:
    """The whole days of a range that are over; empty where the first is not below the second."""
    return -(-begin // DAY) * DAY, min(day_of(end), today)


def put_together(begin: int, end: int, today: int, stale: Collection[int], *, weeks: bool = False) -> Pieces:
    """The pieces of a range. Today, `stale` days, and what is no whole day at either end, is counted.

    With `weeks` there are sums of weeks as well, so that no end needs those of more than three days and two weeks.
    """
    first, last = days_inside(begin, end, today)
    if first >= last:
        return Pieces(counted=[(begin, end)] if begin < end else [])
    pieces = Pieces(counted=[one for one in ((begin, first), (last, end)) if one[0] < one[1]])
    month, month_end = _nearest("m", first), _nearest("m", last)
    days = _days_and_weeks if weeks else partial(Pieces.go, span="d")
    if month < month_end:
        pieces.go("m", month, month_end)
        days(pieces, begin=first, end=month)
        days(pieces, begin=month_end, end=last)
    else:
        days(pieces, begin=first, end=last)
    for one in _joined(day for day in sorted(stale) if first <= day < last):
        pieces.minus.append(("d", one))
        pieces.counted.append(one)
    return pieces


def _nearest(span: Span, at: int) -> int:
    start = start_of(span, at)
    end = end_of(span, start)
    return start if at - start <= end - at else end


def _days_and_weeks(pieces: Pieces, begin: int, end: int) -> None:
    week, week_end = _nearest("w", begin), _nearest("w", end)
    pieces.go("d", begin, week)
    pieces.go("w", week, week_end)
    pieces.go("d", week_end, end)


def _joined(days: Iterable[int]) -> list[Range]:
    found: list[Range] = []
    for day in days:
        if found and found[-1][1] == day:
            found[-1] = found[-1][0], day + DAY
        else:
            found.append((day, day + DAY))
    return found
