"""Comparing the sums of days, weeks and months with what they should be."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, func, insert

from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.metrics.folding import SUMMED, people_of, rows_of
from cogmill.domain.metrics.spans import DAY, Span, day_of, end_of, start_of
from cogmill.domain.metrics.stale import stale_days
from cogmill.models.access import organization
from cogmill.models.metrics import metric_activity, metric_mark, metric_person
from cogmill.models.repositories import code_search
from cogmill.models.sessions import pull_request, session

Cells = dict[tuple[Any, ...], tuple[int, ...]]


def days_of(db: Connection, enterprise_id: str, now: float) -> Iterator[tuple[Scope, int, bool]]:
    """Days on which anything happened in organizations that are there, and whether it is counted at present."""
    live = of_enterprise(organization, Scope(enterprise_id, None), organization.c.org_id)
    for row in db.execute(live.where(organization.c.deleted_at.is_(None))).all():
        scope = Scope(enterprise_id, row.org_id)
        days: set[int] = set()
        for table in (session, pull_request, code_search):
            days |= {day_of(one[0]) for one in db.execute(owned(table, scope, table.c.created_at))}
        for table in SUMMED:
            kept = owned(table, scope, table.c.start).where(table.c.span == "d").distinct()
            days |= set(db.execute(kept).scalars())
        if not days:
            continue
        stale = stale_days(db, Scope(enterprise_id, None), [row.org_id], (min(days), max(days) + DAY))
        for day in sorted(days):
            yield scope, day, day in stale or day >= day_of(now)


def differs(db: Connection, scope: Scope, day: int) -> bool:
    """Whether any sum that the day is part of is wrong."""
    right = rows_of(db, scope, day)
    for table, rows in right.items():
        names, amounts = _names(table)
        wanted = {tuple(row[n] for n in names): tuple(row[a] for a in amounts) for row in rows}
        if _kept(db, table, scope, "d", day) != wanted:
            return True
        for span in SUMMED[table]:
            start = start_of(span, day)
            if _kept(db, table, scope, span, start) != _of_days(db, table, scope, start, end_of(span, start)):
                return True
    tops = (scope, Scope(scope.enterprise_id, None))
    return any(_people_differ(db, top, span, start_of(span, day)) for top in tops for span in ("d", "w", "m"))


def _names(table: Table) -> tuple[list[str], list[str]]:
    keys = [one.name for one in table.primary_key.columns if one.name not in {"org_id", "span", "start"}]
    return keys, [one.name for one in table.c if not one.primary_key]


def _kept(db: Connection, table: Table, scope: Scope, span: str, start: int) -> Cells:
    names, amounts = _names(table)
    query = owned(table, scope).where(table.c.span == span, table.c.start == start)
    rows = db.execute(query.with_only_columns(*(table.c[name] for name in (*names, *amounts))))
    return {tuple(row[: len(names)]): tuple(row[len(names) :]) for row in rows}


def _of_days(db: Connection, table: Table, scope: Scope, begin: int, end: int) -> Cells:
    names, amounts = _names(table)
    keys = [table.c[name] for name in names]
    days = owned(table, scope).where(table.c.span == "d", table.c.start >= begin, table.c.start < end)
    rows = db.execute(days.with_only_columns(*keys, *(func.sum(table.c[name]) for name in amounts)).group_by(*keys))
    return {tuple(row[: len(names)]): tuple(int(one) for one in row[len(names) :]) for row in rows}


def _people_differ(db: Connection, scope: Scope, span: Span, start: int) -> bool:
    columns, person = metric_activity.c, metric_person.c
    kept = of_enterprise(metric_activity, scope).where(
        columns.org_id == (scope.org_id or ""), columns.span == span, columns.start == start
    )
    people = {row.user_id: (int(row[1]), int(row[2])) for row in db.execute(people_of(scope, span, start))}
    if scope.org_id is None:
        together = of_enterprise(metric_person, scope, person.user_id, person.sessions, person.searches)
        rows = db.execute(together.where(person.span == span, person.start == start))
        if {row.user_id: (row.sessions, row.searches) for row in rows} != people:
            return True
    counts = Counter(people.values())
    return {(row.sessions, row.searches): row.users for row in db.execute(kept)} != counts


def mark_days(db: Connection, days: Iterable[tuple[str, int]]) -> None:
    """Have them summed up anew."""
    db.execute(insert(metric_mark), [{"org_id": org_id, "day": day} for org_id, day in days])
