"""Days, weeks and months, all in UTC, and how a range of time is put together from them. Knows no database."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
        return start_of("m", (datetime.fromtimestamp(start, UTC) + timedelta(days=32)).timestamp())
    return start + (DAY if span == "d" else 7 * DAY)


def spans_of(span: Span, begin: int, end: int) -> Iterator[Range]:
    """All spans that a range touches, oldest first."""
    start = start_of(span, begin)
    while start < end:
        yield start, (start := end_of(span, start))


@dataclass(slots=True)
class Pieces:
    """What adds up to a range: sums of days and months to add and to take off, and times to count one by one."""

    plus: list[tuple[Span, Range]] = field(default_factory=list)
    minus: list[tuple[Span, Range]] = field(default_factory=list)
    counted: list[Range] = field(default_factory=list)


def days_inside(begin: int, end: int, today: int) -> Range:
    """The whole days of a range that are over; empty where the first is not below the second."""
    return -(-begin // DAY) * DAY, min(day_of(end), today)


def put_together(begin: int, end: int, today: int, stale: Collection[int]) -> Pieces:
    """The pieces of a range. Today, `stale` days, and what is no whole day at either end, is counted."""
    first, last = days_inside(begin, end, today)
    if first >= last:
        return Pieces(counted=[(begin, end)] if begin < end else [])
    pieces = Pieces(counted=[one for one in ((begin, first), (last, end)) if one[0] < one[1]])
    month, month_end = _nearest_month(first), _nearest_month(last)
    if month < month_end:
        pieces.plus.append(("m", (month, month_end)))
        _days_between(pieces, first, month)
        _days_between(pieces, month_end, last)
    else:
        pieces.plus.append(("d", (first, last)))
    for one in _joined(day for day in sorted(stale) if first <= day < last):
        pieces.minus.append(("d", one))
        pieces.counted.append(one)
    return pieces


def _nearest_month(at: int) -> int:
    start = start_of("m", at)
    end = end_of("m", start)
    return start if at - start <= end - at else end


def _days_between(pieces: Pieces, begin: int, end: int) -> None:
    """Days that the months leave out, or have too many."""
    if begin < end:
        pieces.plus.append(("d", (begin, end)))
    elif end < begin:
        pieces.minus.append(("d", (end, begin)))


def _joined(days: Iterable[int]) -> list[Range]:
    found: list[Range] = []
    for day in days:
        if found and found[-1][1] == day:
            found[-1] = found[-1][0], day + DAY
        else:
            found.append((day, day + DAY))
    return found
