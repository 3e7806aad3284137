"""Times that repeat, as RFC 5545 rules: the part of them that needs no memory, in UTC, to the minute."""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FREQUENCIES = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_FARTHEST = 366 * 9
"""Days that are looked through: 29 February comes again within eight years."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was understood. Empty sets leave it to the frequency, and to when the rule began."""

    frequency: str
    interval: int = 1
    months: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    days: frozenset[tuple[int, int]] = frozenset()
    """(which one of the month, 0: each; day of the week)"""
    hours: frozenset[int] = frozenset()
    minutes: frozenset[int] = frozenset()
    until: datetime | None = None


def parse(text: str) -> Rule:
    """A rule such as `FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=7;BYMINUTE=30`. ValueError says what is wrong with it."""
    parts: dict[str, str] = {}
    for part in text.strip().removeprefix("RRULE:").split(";"):
        name, equals, value = part.strip().upper().partition("=")
        if not equals or not value or name in parts:
            raise ValueError("a rule looks like FREQ=WEEKLY;BYDAY=MO;BYHOUR=7;BYMINUTE=30")
        parts[name] = value
    known = {"FREQ", "INTERVAL", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND", "UNTIL", "WKST"}
    if unknown := sorted(set(parts) - known):
        raise ValueError(f"{unknown[0]} is not understood; known are {', '.join(sorted(known))}")
    if parts.get("FREQ") not in _FREQUENCIES:
        raise ValueError(f"FREQ must be one of {', '.join(_FREQUENCIES)}")
    if parts.get("BYSECOND", "0") != "0" or parts.get("WKST", "MO") != "MO":
        raise ValueError("times are exact to the minute, and weeks begin on Monday")
    days = frozenset(_day(one) for one in parts.get("BYDAY", "").split(",") if one)
    if any(which for which, _ in days) and parts["FREQ"] != "MONTHLY":
        raise ValueError("BYDAY with a number, such as 1MO, goes with FREQ=MONTHLY")
    return Rule(
        parts["FREQ"],
        _number("INTERVAL", parts.get("INTERVAL", "1"), 1, 1000),
        _numbers(parts, "BYMONTH", 1, 12),
        _numbers(parts, "BYMONTHDAY", -31, 31) - {0},
        days,
        _numbers(parts, "BYHOUR", 0, 23),
        _numbers(parts, "BYMINUTE", 0, 59),
        _until(parts["UNTIL"]) if "UNTIL" in parts else None,
    )


def next_after(rule: Rule, began: float, moment: float) -> float | None:
    """The first time after `moment`, in unix seconds; None when there is none any more."""
    start, after = (datetime.fromtimestamp(one, UTC) for one in (began, moment))
    for number in range(_FARTHEST):
        day = after.date() + timedelta(days=number)
        if not _fits(rule, start.date(), day):
            continue
        for time in _times(rule, start, day):
            if time > after and time >= start.replace(second=0, microsecond=0):
                return time.timestamp() if rule.until is None or time <= rule.until else None
    return None


def _fits(rule: Rule, start: date, day: date) -> bool:
    if day < start or (rule.months and day.month not in rule.months):
        return False
    if rule.month_days and not {day.day, day.day - monthrange(day.year, day.month)[1] - 1} & rule.month_days:
        return False
    if rule.days and not any(day.weekday() == one and _is_nth(day, which) for which, one in rule.days):
        return False
    return _BY_FREQUENCY[rule.frequency](rule, start, day)


def _is_nth(day: date, which: int) -> bool:
    if which < 0:
        return (monthrange(day.year, day.month)[1] - day.day) // 7 == -which - 1
    return which == 0 or (day.day - 1) // 7 == which - 1


def _weekly(rule: Rule, start: date, day: date) -> bool:
    weeks = (day - timedelta(days=day.weekday()) - (start - timedelta(days=start.weekday()))).days // 7
    return weeks % rule.interval == 0 and bool(rule.days or day.weekday() == start.weekday())


def _monthly(rule: Rule, start: date, day: date) -> bool:
    months = (day.year - start.year) * 12 + day.month - start.month
    return months % rule.interval == 0 and bool(rule.days or rule.month_days or day.day == start.day)


def _yearly(rule: Rule, start: date, day: date) -> bool:
    is_day = bool(rule.days or rule.month_days or day.day == start.day)
    return (day.year - start.year) % rule.interval == 0 and is_day and bool(rule.months or day.month == start.month)


_BY_FREQUENCY: dict[str, Callable[[Rule, date, date], bool]] = {
    "HOURLY": lambda _rule, _start, _day: True,
    "DAILY": lambda rule, start, day: (day - start).days % rule.interval == 0,
    "WEEKLY": _weekly,
    "MONTHLY": _monthly,
    "YEARLY": _yearly,
}


def _times(rule: Rule, start: datetime, day: date) -> Iterator[datetime]:
    """The times of a day that fits, in order."""
    hours = rule.hours or ({start.hour} if rule.frequency != "HOURLY" else range(24))
    first = start.replace(minute=0, second=0, microsecond=0)
    for hour in sorted(hours):
        at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        if rule.frequency == "HOURLY" and (at - first) // timedelta(hours=1) % rule.interval:
            continue
        for minute in sorted(rule.minutes or {start.minute}):
            yield at.replace(minute=minute)


def _day(text: str) -> tuple[int, int]:
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError(f"BYDAY: {text[:20]!r} is no day; days are {', '.join(_DAYS)}")
    return int(found[1] or 0), _DAYS.index(found[2])


def _numbers(parts: dict[str, str], name: str, least: int, most: int) -> frozenset[int]:
    return frozenset(_number(name, one, least, most) for one in parts.get(name, "").split(",") if one)


def _number(name: str, text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,4}", text, re.ASCII) or not least <= int(text) <= most:
        raise ValueError(f"{name}: {text[:20]!r} is no number from {least} to {most}")
    return int(text)


def _until(text: str) -> datetime:
    for form in ("%Y%m%dT%H%M%SZ", "%Y%m%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError("UNTIL looks like 20301231T235900Z")
