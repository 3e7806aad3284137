"""Counters of any range of time: sums where there are such, counted one by one where not."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, func, or_

from cogmill.access.scope import Scope, owned
from cogmill.domain.metrics import counting
from cogmill.domain.metrics.counting import Counts, Which
from cogmill.domain.metrics.spans import Pieces, Range, Span, day_of, days_inside, put_together
from cogmill.domain.metrics.stale import stale_days
from cogmill.models.metrics import COUNTERS, metric_category, metric_sum

ByCategory = dict[tuple[str, str], Counts]


def pieces_of(
    db: Connection, scope: Scope, org_ids: Sequence[str] | None, times: Range, now: float, *, weeks: bool = False
) -> Pieces:
    """How a range is put together now."""
    today = day_of(now)
    stale = stale_days(db, scope, org_ids, days_inside(*times, today))
    return put_together(*times, today, stale, weeks=weeks)


def totals(db: Connection, scope: Scope, which: Which, times: Range, now: float) -> Counts:
    """All counters of a range."""
    if which.user_ids is not None:  # nobody has so many sessions that they could not be counted
        return counting.counts(db, scope, which, times)
    pieces, found = pieces_of(db, scope, which.org_ids, times, now), Counter[str]()
    for times_ in pieces.counted:
        found.update(counting.counts(db, scope, which, times_))
    found.update(_summed(db, scope, which, pieces.plus))
    found.subtract(_summed(db, scope, which, pieces.minus))
    return found


def in_spans(table: Table, spans: Sequence[tuple[Span, Range]]) -> ColumnElement[bool]:
    """Rows of these spans."""
    columns = table.c
    return or_(*(and_(columns.span == kind, columns.start >= a, columns.start < b) for kind, (a, b) in spans))


def _summed(db: Connection, scope: Scope, which: Which, spans: list[tuple[Span, Range]]) -> Counts:
    found: Counts = Counter()
    columns = metric_sum.c
    for one in spans:  # one by one: for either of two spans planners would read all rows of the organization
        query = _of_organizations(metric_sum, scope, which.org_ids, [one])
        query = query.where(columns.part == ("pair" if which.names_sessions else "all"))
        if which.playbook_id is not None:
            query = query.where(columns.playbook_id == which.playbook_id)
        if which.service_user_ids is not None:
            query = query.where(columns.service_user_id.in_(which.service_user_ids))
        row = db.execute(query.with_only_columns(*(func.sum(columns[name]) for name in COUNTERS))).one()
        found.update({name: int(value or 0) for name, value in zip(COUNTERS, row, strict=True)})
    return found


def _of_organizations(
    table: Table, scope: Scope, org_ids: Sequence[str] | None, spans: Sequence[tuple[Span, Range]]
) -> Select[Any]:
    query = owned(table, scope).where(in_spans(table, spans))
    return query if org_ids is None else query.where(table.c.org_id.in_(org_ids))


def by_category(db: Connection, scope: Scope, org_ids: Sequence[str] | None, times: Range, now: float) -> ByCategory:
    """Sessions and ACUs of a range by category and subcategory; empty texts where there is none yet."""
    pieces, found = pieces_of(db, scope, org_ids, times, now), defaultdict[tuple[str, str], Counts](Counter)
    for times_ in pieces.counted:
        for one in counting.session_groups(db, scope, Which(org_ids), times_):
            amounts = {"sessions": one.sessions, "acus_micro": int(one.acus_micro)}
            found[one.category or "", one.subcategory or ""].update(amounts)
    for sign, spans in ((1, pieces.plus), (-1, pieces.minus)):
        for span in spans:
            for key, amounts in _categories(db, scope, org_ids, span):
                found[key].update({name: sign * value for name, value in amounts.items()})
    return {key: amounts for key, amounts in found.items() if amounts["sessions"]}


def _categories(
    db: Connection, scope: Scope, org_ids: Sequence[str] | None, span: tuple[Span, Range]
) -> list[tuple[tuple[str, str], dict[str, int]]]:
    columns = metric_category.c
    query = _of_organizations(metric_category, scope, org_ids, [span]).with_only_columns(
        columns.category, columns.subcategory, func.sum(columns.sessions), func.sum(columns.acus_micro)
    )
    rows = db.execute(query.group_by(columns.category, columns.subcategory))
    return [((row[0], row[1]), {"sessions": int(row[2]), "acus_micro": int(row[3])}) for row in rows]
