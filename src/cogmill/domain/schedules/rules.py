"""The rules between the fields of a schedule, and when it is due next. Pure."""

from typing import Any

from cogmill.domain.schedules.times import next_after
from cogmill.kit.errors import BadRequest


def check_fields(after: Any, given: dict[str, Any], now: float, *, starts: bool) -> None:
    """Refuse fields that do not go together.

    `after` is the schedule as it would be, `given` what the request sets; `starts`: it begins to wait for its time.
    """
    if after.schedule_type == "recurring":
        if after.frequency is None:
            raise BadRequest("frequency: a recurring schedule needs a cron expression, such as '0 7 * * 1-5' (UTC).")
        if after.target_devin_id is not None:
            raise BadRequest("target_devin_id: only a one_time schedule can write to a session. Leave it out, or null.")
        if given.get("scheduled_at") is not None:
            raise BadRequest("scheduled_at: a recurring schedule has a frequency (cron) instead. Leave it out.")
        return
    if given.get("frequency") is not None:
        raise BadRequest("frequency: a one_time schedule has no cron expression. Give scheduled_at instead.")
    if after.scheduled_at is None:
        raise BadRequest("scheduled_at: a one_time schedule needs a time in the future, with its offset.")
    if (starts or given.get("scheduled_at") is not None) and after.scheduled_at <= now:
        raise BadRequest("scheduled_at: this time is over. A one_time schedule needs a time in the future.")


def due_at(row: Any, now: float) -> float | None:
    """When a schedule that is written now runs first."""
    if not row.enabled:
        return None
    if row.schedule_type == "one_time":
        return float(row.scheduled_at)
    return next_after(row.frequency, now)
