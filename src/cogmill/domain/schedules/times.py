"""When a schedule is due: cron expressions of five fields, read as UTC. Pure functions over unix seconds."""

from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

MOST_COUNTED = 1000
"""Missed occurrences are counted up to here; behind it the series begins anew."""


def check_cron(text: str) -> str:
    """The expression with single spaces; ValueError in words for what is none, or never comes."""
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(
            "frequency is no cron expression: five fields are needed (minute hour day month weekday), in UTC"
        )
    try:
        CronSim(text, _utc(0))
    except (CronSimError, ValueError) as error:
        raise ValueError(f"frequency is no cron expression: {error}") from None
    if next_after(text, 1_700_000_000) is None:
        raise ValueError("frequency is a cron expression that never comes")
    return " ".join(fields)


def next_after(frequency: str, moment: float) -> float | None:
    """The first occurrence behind a moment."""
    try:
        return next(CronSim(frequency, _utc(moment))).timestamp()
    except StopIteration:
        return None


def following(frequency: str, interval: int, due: float, now: float) -> tuple[float | None, int]:
    """The next time behind `now` in the series of every `interval`-th occurrence from `due`; how many were missed."""
    series, missed = CronSim(frequency, _utc(due)), 0
    try:
        while missed < MOST_COUNTED:
            for _ in range(interval):
                moment = next(series).timestamp()
            if moment > now:
                return moment, missed
            missed += 1
    except (StopIteration, OverflowError):  # not within fifty years, or not before the year 10000
        return None, missed
    return next_after(frequency, now), missed


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
