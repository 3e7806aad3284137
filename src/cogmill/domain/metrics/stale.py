"""Which days' sums cannot be used: those that are marked, and those with sessions that run or wait to be run."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, literal_column

from cogmill.access.scope import Scope, owned
from cogmill.domain.metrics.counting import within
from cogmill.domain.metrics.spans import Range, day_of
from cogmill.models.metrics import metric_mark
from cogmill.models.sessions import session

_IDLE: ColumnElement[str] = literal_column("'idle'")
"""Written out, so that planners see that the index of busy sessions will do."""


def stale_days(db: Connection, scope: Scope, org_ids: Sequence[str] | None, times: Range) -> set[int]:
    """Days within a range that are not summed up as they stand, of any of the organizations.

    Marks of all of the enterprise's count, deleted ones too: sums of all its people are made of them.
    """
    if times[0] >= times[1]:
        return set()
    marked = within(
        owned(metric_mark, scope, metric_mark.c.day, with_deleted=True).distinct(), metric_mark.c.day, times
    )
    # As a sum, or SQLite would find them among all sessions of the time rather than among the few busy ones.
    busy = within(owned(session, scope, session.c.created_at), session.c.created_at + 0, times)
    busy = busy.where(session.c.run_state != _IDLE)
    if org_ids is not None:
        busy = busy.where(session.c.org_id.in_(org_ids))
    return {row.day for row in db.execute(marked)} | {day_of(row.created_at) for row in db.execute(busy)}
