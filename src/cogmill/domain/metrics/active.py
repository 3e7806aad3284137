"""How many people were active: in a range of time, or in each day, week or month that a range touches."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, union_all

from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.metrics import counting
from cogmill.domain.metrics.counting import Which
from cogmill.domain.metrics.spans import DAY, Range, Span, day_of, days_inside, spans_of
from cogmill.domain.metrics.stale import stale_days
from cogmill.domain.metrics.totals import in_spans, pieces_of
from cogmill.models.access import organization
from cogmill.models.metrics import metric_activity, metric_person, metric_user

MOST_PIECES = 50
"""Beyond that a range is counted as a whole."""


def _is_active(sessions: ColumnElement[Any], searches: ColumnElement[Any], least: Range) -> ColumnElement[bool]:
    """At least so many sessions, or so many searches. A least number of 0 leaves that kind out; both: anything."""
    asked = [column >= number for column, number in zip((sessions, searches), least, strict=True) if number > 0]
    return or_(*asked) if asked else or_(sessions > 0, searches > 0)


def in_range(
    db: Connection, scope: Scope, org_ids: Sequence[str] | None, times: Range, least: Range, now: float
) -> int:
    """People who were active at any time of a range."""
    parts = _parts(db, scope, org_ids, times, now)
    if not parts:
        return 0
    each = union_all(*parts).subquery().c
    people = select(each.user_id).group_by(each.user_id)
    active = people.having(_is_active(func.sum(each.sessions), func.sum(each.searches), least))
    return int(db.execute(select(func.count()).select_from(active.subquery())).scalar_one())


def of_people(db: Connection, scope: Scope, user_ids: Sequence[str], times: Range, now: float) -> dict[str, Range]:
    """How many sessions and searches each of these people had in a range; those without any may be left out."""
    parts = _parts(db, scope, None, times, now, user_ids)
    if not parts:
        return {}
    each = union_all(*parts).subquery().c
    query = select(each.user_id, func.sum(each.sessions), func.sum(each.searches)).group_by(each.user_id)
    return {row[0]: (int(row[1]), int(row[2])) for row in db.execute(query)}


def _parts(
    db: Connection, scope: Scope, org_ids: Sequence[str] | None, times: Range, now: float,
    user_ids: Sequence[str] | None = None,
) -> list[Select[Any]]:  # fmt: skip
    """What people did in a range: rows whose sums by person are right, from sums and from what is counted."""
    which, pieces = Which(org_ids, user_ids=user_ids), pieces_of(db, scope, org_ids, times, now, weeks=True)
    if len(pieces.counted) > MOST_PIECES:
        return [counting.activity(scope, which, times)]
    parts = [counting.activity(scope, which, one) for one in pieces.counted]
    signed = ((1, pieces.plus), (-1, pieces.minus))
    return parts + [_summed(scope, which, one, sign) for sign, spans in signed for one in spans]


def _summed(scope: Scope, which: Which, span: tuple[Span, Range], sign: int) -> Select[Any]:
    is_all = scope.org_id is None and which.org_ids is None
    table = metric_person if is_all else metric_user
    columns, rows = table.c, of_enterprise(table, scope) if is_all else owned(table, scope)
    query = rows.where(in_spans(table, [span]))
    query = query if which.org_ids is None else query.where(columns.org_id.in_(which.org_ids))
    query = query if which.user_ids is None else query.where(columns.user_id.in_(which.user_ids))
    did = (columns.sessions * sign).label("sessions"), (columns.searches * sign).label("searches")
    return query.with_only_columns(columns.user_id, *did)


def in_each(
    db: Connection, scope: Scope, org_ids: Sequence[str] | None, span: Span, times: Range, least: Range, now: float
) -> list[tuple[Range, int]]:
    """The same of every whole span that a range touches, oldest first."""
    spans = list(spans_of(span, *times))
    whole, today = (spans[0][0], spans[-1][1]), day_of(now)
    days = stale_days(db, scope, org_ids, days_inside(*whole, today))
    known = _known(db, scope, org_ids, span, whole, least)
    found: list[tuple[Range, int]] = []
    for one in spans:
        is_over = one[1] <= today and not any(day in days for day in range(*one, DAY))
        if is_over or one[0] > now + DAY:
            found.append((one, known.get(one[0], 0)))
        else:
            found.append((one, in_range(db, scope, org_ids, one, least, now)))
    return found


def _known(
    db: Connection, scope: Scope, org_ids: Sequence[str] | None, span: Span, whole: Range, least: Range
) -> dict[int, int]:
    """By the beginnings of spans: from how many people did how much, or from what each of some organizations' did."""
    place = _place(db, scope, org_ids)
    if place is None:
        return _of_some(db, scope, org_ids or (), span, whole, least)
    columns = metric_activity.c
    query = of_enterprise(metric_activity, scope).where(columns.org_id == place, columns.span == span)
    query = counting.within(query, columns.start, whole).where(_is_active(columns.sessions, columns.searches, least))
    rows = db.execute(query.with_only_columns(columns.start, func.sum(columns.users)).group_by(columns.start))
    return {row[0]: int(row[1]) for row in rows}


def _of_some(
    db: Connection, scope: Scope, org_ids: Sequence[str], span: Span, whole: Range, least: Range
) -> dict[int, int]:
    """Of some of several organizations, who may have people in common."""
    columns = metric_user.c
    each = owned(metric_user, scope, columns.start, columns.user_id)
    each = counting.within(each.where(columns.org_id.in_(org_ids), columns.span == span), columns.start, whole)
    each = each.group_by(columns.start, columns.user_id)
    active = each.having(_is_active(func.sum(columns.sessions), func.sum(columns.searches), least)).subquery().c
    rows = db.execute(select(active.start, func.count()).group_by(active.start))
    return {row[0]: row[1] for row in rows}


def _place(db: Connection, scope: Scope, org_ids: Sequence[str] | None) -> str | None:
    """Whose histogram tells: one organization's, or (empty) that of all; None: there is none of just these."""
    if scope.org_id is not None:
        return scope.org_id
    if org_ids is None:
        return ""
    rows = db.execute(owned(organization, scope, organization.c.org_id))
    live = {row.org_id for row in rows}
    asked = live & set(org_ids)
    if asked == live:
        return ""
    return min(asked) if len(asked) == 1 else None
